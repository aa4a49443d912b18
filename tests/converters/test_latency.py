"""Models timed side by side."""

from __future__ import annotations

from converters import latency
from tests.converters.conftest import SHIPPED


def test_a_network_of_a_hundred_times_the_work_is_slower() -> None:
    """The identity network (271 million multiplications) against R-Net (1.5): in the order given, in milliseconds."""
    light, heavy = latency.medians_ms((SHIPPED / "rnet.tflite", SHIPPED / "identity.tflite"), rounds=3)
    assert 0 < 5 * light < heavy < 10_000
