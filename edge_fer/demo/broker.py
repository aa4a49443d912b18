"""An MQTT broker on this machine's loopback for as long as the demo runs: amqtt, in a thread of its own.

It supports MQTT 3.1.1 only and stores nothing beyond its end: enough for the demo, not for real use.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from edge_fer.errors import BrokerError, ConfigError

HOST = "127.0.0.1"
_TIMEOUT_S = 10.0
_LISTENER = "default"
_CONFIG = {
    "listeners": {_LISTENER: {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


@contextlib.contextmanager
def running() -> Iterator[int]:
    """A broker without passwords on a free port of the loopback, until the block ends.

    Yields:
        The port.

    Raises:
        ConfigError: amqtt is not installed.
        BrokerError: It does not start.
    """
    broker = _LoopbackBroker()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo-broker", daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(broker.start(), loop).result(_TIMEOUT_S)
        try:
            yield port
        finally:
            asyncio.run_coroutine_threadsafe(broker.stop(), loop).result(_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _LoopbackBroker:
    """amqtt behind a listener of ours: amqtt's own sometimes leaks a connection when a client disconnects.

    Raises:
        ConfigError: amqtt is not installed.
    """

    def __init__(self) -> None:
        try:
            # An extra: only the demo needs it, and only where no broker is configured
            from amqtt import adapters, broker, errors  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "the demo's own broker needs the package amqtt",
                "pip install 'edge-fer[demo]', or give --broker HOST:PORT",
            ) from error
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        self._adapters, self._broker_module, self._errors = adapters, broker, errors

    async def start(self) -> int:
        try:
            self._broker: Any = self._broker_module.Broker(_CONFIG)
            await self._broker.start()
            self._listener = await asyncio.start_server(self._serve, HOST, 0)
        except (self._errors.AMQTTError, self._errors.BrokerError, OSError) as error:
            raise BrokerError(f"the demo's broker does not start: {error}", "give --broker HOST:PORT") from error
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._listener.close()
        await self._broker.shutdown()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}  # amqtt does not end all of its own
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._broker.external_connected(
                self._adapters.StreamReaderAdapter(reader), self._adapters.StreamWriterAdapter(writer), _LISTENER
            )
        finally:
            writer.transport.abort()
