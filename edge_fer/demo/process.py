"""`edge-fer run` as a process of its own, observed from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from edge_fer.demo.verdict import Run

_END_TIMEOUT_S = 10.0
"""Twice what the daemon promises for its orderly stop."""


class DaemonProcess:
    """The daemon on a config file; a context manager that stops what still runs.

    Args:
        config: config.yaml.
        log: File for what the daemon writes.
        command: Another program in the daemon's place; for tests.
    """

    def __init__(self, config: Path, log: Path, *, command: Sequence[str] = ()) -> None:
        self._log = log.open("wb")
        self.started_s = time.monotonic()
        daemon = (sys.executable, "-m", "edge_fer", "run", "--config", str(config))
        self._process = subprocess.Popen(command or daemon, stdout=self._log, stderr=subprocess.STDOUT)
        self._peak_rss_mb = 0.0
        self._tensorflow = False

    def watch(self) -> bool:
        """Look at the process; False once it has ended."""
        folder = Path(f"/proc/{self._process.pid}")
        try:
            status = (folder / "status").read_text()
            self._tensorflow |= "/tensorflow/" in (folder / "maps").read_text()
        except OSError:  # it ended meanwhile
            status = ""
        for line in status.splitlines():
            if line.startswith("VmHWM:"):  # the largest resident size so far, in kB: proc(5)
                self._peak_rss_mb = int(line.split()[1]) / 1024
        return self._process.poll() is None

    def stop(self) -> Run:
        """Wait for the end, terminate it if it does not come, and return what was seen."""
        try:
            code = self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            code = self._end()
        return Run(self.started_s, code, self._peak_rss_mb, self._tensorflow)

    def _end(self) -> int:
        try:
            return self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> DaemonProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._end()
        self._log.close()
