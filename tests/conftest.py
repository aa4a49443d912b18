"""Fixtures for unit, component, golden and system tests, and a limit to how many may be skipped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.broker import Amqtt, Mosquitto

# A shell starts its background jobs with Ctrl-C ignored, and so would every process that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Speed is measured in benchmarks/; on a busy machine a deadline here would only fail at random.
hypothesis.settings.register_profile("edge_fer", deadline=None)
hypothesis.settings.load_profile("edge_fer")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--max-skips COUNT`: a tool that is missing must not hide more than the tests that need it."""
    parser.addoption("--max-skips", type=int, metavar="COUNT", help="fail when more tests than these are skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that is otherwise green fails when it skipped too much."""
    limit = session.config.option.max_skips
    if limit is not None and _skipped(session.config) > limit and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Both numbers, as the last line but one."""
    limit = config.option.max_skips
    if limit is not None:
        count = _skipped(config)
        terminalreporter.write_line(f"{count} skipped, at most {limit} allowed (--max-skips)", red=count > limit)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0


@pytest.fixture
def amqtt_broker() -> Iterator[Amqtt]:
    """A running amqtt: MQTT 3.1.1 only."""
    with Amqtt() as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto without access control: MQTT 5 and 3.1.1."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        yield broker
