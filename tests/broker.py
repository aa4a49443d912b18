"""Real brokers for tests, on an ephemeral loopback port: amqtt in this process, and mosquitto where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from amqtt.broker import Broker

from edge_fer.config.schema import MqttConfig

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
_NO_MOSQUITTO = "mosquitto is not installed (apt install mosquitto)"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=_NO_MOSQUITTO)
"""For tests that use mosquitto's tools before they start a `Mosquitto`."""

WAIT_S = 10.0
"""Longest wait for what should come at once: generous, for a loaded machine."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_true: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    """Return once it is true; fail the test when it does not become so."""
    deadline_s = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline_s:
            pytest.fail(f"waited {timeout_s} s in vain")
        time.sleep(0.01)


class Amqtt:
    """amqtt in a thread of this process: MQTT 3.1.1 only; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="amqtt")

    @property
    def config(self) -> MqttConfig:
        """Without the 2 s that `auto` spends on MQTT 5, which amqtt does not answer."""
        return MqttConfig(host="127.0.0.1", port=self.port, protocol="3.1.1")

    def __enter__(self) -> Amqtt:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    async def _start(self) -> None:
        listener = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
        anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        self._broker: Any = Broker({"listeners": {"default": listener}, "plugins": anonymous})
        await self._broker.start()

    async def _stop(self) -> None:
        await self._broker.shutdown()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # amqtt leaves some of its own behind
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        transports: Any = getattr(self._loop, "_transports")  # noqa: B009 - private; of connections amqtt never closed
        for transport in list(transports.values()):
            transport.abort()
        await asyncio.sleep(0)


class Mosquitto:
    """mosquitto as a process of its own; a context manager. Skips the test where it is not installed.

    Args:
        folder: For its configuration; empty.
        settings: Lines of mosquitto.conf.
        port: Where it listens; by default a free one.
    """

    def __init__(self, folder: Path, settings: str = "allow_anonymous true", *, port: int | None = None) -> None:
        if MOSQUITTO is None:
            pytest.skip(_NO_MOSQUITTO)
        self._program = MOSQUITTO
        self.port = port or free_port()
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> MqttConfig:
        return MqttConfig(host="127.0.0.1", port=self.port)

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens."""
        path = self._folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""  # else it drops to a user who cannot read the test's folder
        path.write_text(f"listener {self.port} 127.0.0.1\n{user}{self._settings}\n")
        self._process = subprocess.Popen([self._program, "-c", str(path)], stderr=subprocess.DEVNULL)
        wait_until(self._listens)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(WAIT_S)
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
