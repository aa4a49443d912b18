"""Loading the configuration: what is accepted, what is refused, and with which message."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_fer.config import loading
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
    """Loading it gives exactly what no file gives."""
    shipped = loading.load(written(tmp_path, SHIPPED.read_text(encoding="utf-8")))
    assert shipped == loading.load(written(tmp_path, ""))


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    """Every wrong key with its path and its value."""
    found = problems(tmp_path, "camera: {fps: 900, color: red}\ntracking: 5\nbogus: {}\ndevice: {name: Room 1}")
    message = "\n".join(found)
    assert len(found) == 5
    assert f"{tmp_path}/config.yaml: camera.fps: " in message
    assert "(got 900)" in message
    assert "camera.color: unknown key" in message
    assert "bogus: unknown key" in message
    assert "tracking: " in message
    assert "device.name: " in message


def test_the_hint_says_what_to_do(tmp_path: Path) -> None:
    """For errors in the file and elsewhere."""
    with pytest.raises(ConfigError) as caught:
        loading.load(written(tmp_path, "camera: {fps: 900}"))
    assert caught.value.hint.startswith("fix the keys listed above")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera: [", "not valid YAML"),
        ("- 1", "must contain sections"),
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
    """Each with its reason."""
    assert expected in problems(tmp_path, text)[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message has the path."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        loading.load(tmp_path / "nowhere.yaml")


def test_flags_override_the_environment_and_that_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key."""
    path = written(tmp_path, "camera: {fps: 5, width_px: 320, height_px: 240}")
    monkeypatch.setenv("EDGE_FER__CAMERA__FPS", "10")
    monkeypatch.setenv("EDGE_FER__CAMERA__WIDTH_PX", "800")
    loaded = loading.load(path, {"camera.fps": 20.0})
    assert (loaded.camera.fps, loaded.camera.width_px, loaded.camera.height_px) == (20.0, 800, 240)


def test_an_error_names_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong environment variable is not reported as an error of the file."""
    monkeypatch.setenv("EDGE_FER__CAMERA__FPS", "many")
    assert problems(tmp_path, "")[0].startswith("EDGE_FER__CAMERA__FPS: camera.fps: ")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Also for keys that the file does not have."""
    folder = tmp_path / "etc"
    folder.mkdir()
    assert loading.load(written(folder, "identity: {gallery: people.npz}")).identity.gallery == folder / "people.npz"
    assert loading.load(written(folder, "")).identity.gallery == folder / "gallery.npz"


def test_a_wrong_flag_is_reported_as_such() -> None:
    """Not as an error of the file, which may be right."""
    with pytest.raises(ConfigError) as caught:
        loading.load(SHIPPED, {"camera.fps": 0})
    assert caught.value.message.startswith("command line: camera.fps: ")
