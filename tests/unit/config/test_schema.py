"""The keys of the configuration: defaults, limits and derived values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from edge_fer.config import loading, schema

SHIPPED = Path(__file__).parents[3] / "config.yaml"


def test_the_shipped_file_has_every_key() -> None:
    """Users start from it."""
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for name, section in schema.Config.model_fields.items():
        assert isinstance(section.annotation, type)
        assert issubclass(section.annotation, BaseModel)
        missing = set(section.annotation.model_fields) - set(shipped[name])
        assert missing == ({"dir"} if name == "models" else set())


def test_tls_or_an_explicit_key_allows_a_remote_broker() -> None:
    """Either is enough."""
    for key in ("tls", "insecure_plaintext"):
        assert schema.MqttConfig.model_validate({"host": "broker.school", key: True}).host == "broker.school"


@pytest.mark.parametrize("value", ["all", "esi", "basic", ("happy", "sad")])
def test_emotion_labels_take_a_preset_or_a_list(value: Any) -> None:
    """Both forms load."""
    assert loading.load(None, {"emotion.labels": value}).emotion.labels == value


def test_the_result_cannot_be_changed() -> None:
    """It is a value."""
    with pytest.raises(ValueError, match="frozen"):
        loading.load(None).camera.fps = 3


def test_one_core_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless models.threads is set; a single core still works."""
    for cores, threads in ((1, 1), (2, 1), (4, 3), (16, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert loading.load(None).models.thread_count == threads
    assert loading.load(None, {"models.threads": 2}).models.thread_count == 2
