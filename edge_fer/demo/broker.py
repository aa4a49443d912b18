"""An MQTT broker on this machine's loopback for as long as the demo runs: amqtt, in a thread of its own.

It speaks MQTT 3.1.1 only and forgets everything when it stops: enough to show the daemon, no broker for a school.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

from edge_fer.errors import BrokerError, ConfigError

HOST = "127.0.0.1"
_START_S = 10.0
_GOODBYE_S = 0.2
"""amqtt leaks a connection that ends while it stops; a goodbye takes it some milliseconds."""


@contextlib.contextmanager
def running() -> Iterator[int]:
    """A broker without passwords on a free port of the loopback, until the block ends.

    Yields:
        The port.

    Raises:
        ConfigError: amqtt is not installed.
        BrokerError: It does not start.
    """
    try:
        # An extra: only the demo needs it, and only where no broker is configured
        from amqtt.broker import Broker  # noqa: PLC0415
        from amqtt.errors import AMQTTError  # noqa: PLC0415
        from amqtt.errors import BrokerError as AmqttError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "the demo's own broker needs the package amqtt", "pip install 'edge-fer[demo]', or give --broker HOST:PORT"
        ) from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    port = _free_port()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo-broker", daemon=True)
    thread.start()
    try:
        try:
            broker = asyncio.run_coroutine_threadsafe(_start(Broker, config), loop).result(_START_S)
        except (AMQTTError, AmqttError, OSError, TimeoutError) as error:
            raise BrokerError(f"the demo's broker does not start: {error}", "give --broker HOST:PORT") from error
        try:
            yield port
        finally:
            asyncio.run_coroutine_threadsafe(_shut_down(broker), loop).result(_START_S)
    finally:
        asyncio.run_coroutine_threadsafe(_finish_tasks(), loop).result(_START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(kind: Any, config: dict[str, object]) -> Any:
    broker = kind(config)
    await broker.start()
    return broker


async def _shut_down(broker: Any) -> None:
    """Stop, once the clients that have just said goodbye are gone."""
    await asyncio.sleep(_GOODBYE_S)
    await broker.shutdown()


async def _finish_tasks() -> None:
    """Cancel what amqtt leaves running after its shutdown, so that the loop closes without a word."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
