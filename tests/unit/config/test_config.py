"""config.yaml: what is accepted, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from edge_fer.config import loading, schema
from edge_fer.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "config.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loading.load(written(folder, text))
    return caught.value.message.splitlines()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_FER__CAMERA__FPS", raising=False)


def test_the_shipped_file_states_the_defaults(tmp_path: Path) -> None:
    """config.yaml as shipped loads to exactly what no file at all gives."""
    shipped = loading.load(written(tmp_path, SHIPPED.read_text(encoding="utf-8")))
    assert shipped == loading.load(written(tmp_path, ""))


def test_the_shipped_file_names_every_key() -> None:
    """No key is hidden: the file that people start from holds them all."""
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for name, section in schema.Config.model_fields.items():
        assert isinstance(section.annotation, type)
        assert issubclass(section.annotation, BaseModel)
        missing = set(section.annotation.model_fields) - set(shipped[name])
        assert missing == ({"dir"} if name == "models" else set())


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """One run names every wrong key by its path, and what stands there."""
    found = problems(tmp_path, "camera: {fps: 900, color: red}\ntracking: 5\nbogus: {}\ndevice: {name: Room 1}")
    told = "\n".join(found)
    assert len(found) == 5
    assert f"{tmp_path}/config.yaml: camera.fps: " in told
    assert "(got 900)" in told
    assert "camera.color: unknown key" in told
    assert "bogus: unknown key" in told
    assert "tracking: " in told
    assert "device.name: " in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera: [", "is no valid YAML"),
        ("- 1", "must hold sections"),
        ("identity: {min_votes: 20}", "min_votes (20) must not be above max_attempts (12)"),
        ("camera: {fps: .nan}", "camera.fps"),
        ("mqtt: {host: broker.school}", "without encryption"),
        ("mqtt: {port: 0}", "mqtt.port"),
        ("detector: {region: [0.5, 0, 0.5, 1]}", "region must be"),
        ("detector: {thresholds: [0.6, 0.7]}", "detector.thresholds"),
        ("detector: {thresholds: [0.6, 0.7, 1.2]}", "detector.thresholds.2"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """Each mistake is named."""
    assert expected in problems(tmp_path, text)[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path that was given stands in the message."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        loading.load(tmp_path / "nowhere.yaml")


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer overrides the next one."""
    path = written(tmp_path, "camera: {fps: 5, width_px: 320, height_px: 240}")
    monkeypatch.setenv("EDGE_FER__CAMERA__FPS", "10")
    monkeypatch.setenv("EDGE_FER__CAMERA__WIDTH_PX", "800")
    loaded = loading.load(path, {"camera.fps": 20.0})
    assert (loaded.camera.fps, loaded.camera.width_px, loaded.camera.height_px) == (20.0, 800, 240)


def test_an_error_names_the_layer_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong environment variable is not blamed on the file."""
    monkeypatch.setenv("EDGE_FER__CAMERA__FPS", "many")
    assert problems(tmp_path, "")[0].startswith("EDGE_FER__CAMERA__FPS: camera.fps: ")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Moving the folder keeps it working; also for the keys that the file does not name."""
    folder = tmp_path / "etc"
    folder.mkdir()
    assert loading.load(written(folder, "identity: {gallery: people.npz}")).identity.gallery == folder / "people.npz"
    assert loading.load(written(folder, "")).identity.gallery == folder / "gallery.npz"


def test_tls_or_a_plain_word_allows_a_distant_broker(tmp_path: Path) -> None:
    """Either key is enough."""
    for extra in ("tls: true", "insecure_plaintext: true"):
        assert loading.load(written(tmp_path, f"mqtt: {{host: broker.school, {extra}}}")).mqtt.host == "broker.school"


@pytest.mark.parametrize("value", ["all", "esi", "basic", ("happy", "sad")])
def test_emotion_labels_take_a_preset_or_a_list(value: Any) -> None:
    """Both forms load."""
    assert loading.load(None, {"emotion.labels": value}).emotion.labels == value


def test_the_result_cannot_be_changed() -> None:
    """Configuration is a value."""
    with pytest.raises(ValueError, match="frozen"):
        loading.load(None).camera.fps = 3


def test_one_core_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the number of threads is given; a single core still works."""
    for cores, threads in ((1, 1), (2, 1), (4, 3), (16, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert loading.load(None).models.thread_count == threads
    assert loading.load(None, {"models.threads": 2}).models.thread_count == 2


def test_a_wrong_flag_is_told_as_the_command_line_s() -> None:
    """Not as the file's: that one may be right."""
    with pytest.raises(ConfigError) as caught:
        loading.load(SHIPPED, {"camera.fps": 0})
    assert caught.value.message.startswith("command line: camera.fps: ")
