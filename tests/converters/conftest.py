"""All tests here need TensorFlow: ``make test-converters``."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.calibration import Faces, collect

SHIPPED = Path(__file__).parents[2] / "models"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.convert)
            # Keras 3.15 under numpy 2.4, inside Keras
            item.add_marker(pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))


@pytest.fixture(scope="session")
def portraits() -> Faces:
    """Faces of the two portraits that ship."""
    return collect(None, SHIPPED, 40)
