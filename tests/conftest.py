"""Fixtures for unit, component, golden and system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.broker import MOSQUITTO, Amqtt, Mosquitto

# Speed is measured in benchmarks/; on a busy machine a deadline here would only fail at random.
hypothesis.settings.register_profile("edge_fer", deadline=None)
hypothesis.settings.load_profile("edge_fer")


@pytest.fixture
def amqtt_broker() -> Iterator[Amqtt]:
    """A running amqtt: MQTT 3.1.1 only."""
    with Amqtt() as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto without access control: MQTT 5 and 3.1.1."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        yield broker
