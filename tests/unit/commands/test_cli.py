"""The command line: what reaches a verb, and what becomes of its errors."""

from __future__ import annotations

import argparse
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_fer import __version__, cli
from edge_fer.config.schema import Config
from edge_fer.errors import CameraError, ConfigError, EdgeFerError, GalleryError

Verb = Callable[[argparse.Namespace], int]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Verb], None]:
    """Put a verb of ours in the place of `identities list`."""

    def replace(run: Verb) -> None:
        module = types.ModuleType("identities")
        module.__dict__.update(run=run, add_parser=cli.COMMANDS["identities"].add_parser)
        monkeypatch.setitem(cli.COMMANDS, "identities", module)

    return replace


def fail(error: BaseException) -> Verb:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize("kind", [EdgeFerError, ConfigError, CameraError, GalleryError])
def test_an_error_is_two_lines_and_its_exit_code(
    kind: type[EdgeFerError], verb: Callable[[Verb], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, and indented under it what to do."""
    verb(fail(kind("it is broken", "mend it")))
    assert cli.main(["identities", "list"]) == kind.exit_code
    assert capsys.readouterr() == ("", "edge-fer: it is broken\n  mend it\n")


def test_several_problems_are_several_lines(verb: Callable[[Verb], None], capsys: pytest.CaptureFixture[str]) -> None:
    """All mistakes in config.yaml are told at once."""
    verb(fail(ConfigError("camera.fps: too low\nmqtt.port: too high", "mend them")))
    assert cli.main(["identities", "list"]) == 78
    assert capsys.readouterr().err == "edge-fer: camera.fps: too low\nedge-fer: mqtt.port: too high\n  mend them\n"


def test_control_c_is_130(verb: Callable[[Verb], None], capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell expects, without a traceback."""
    verb(fail(KeyboardInterrupt()))
    assert cli.main(["identities", "list"]) == 130
    assert capsys.readouterr().err == ""


def test_a_verbs_exit_code_is_passed_on(verb: Callable[[Verb], None]) -> None:
    """The demo ends with 1 when somebody was missed."""
    verb(lambda _: 1)
    assert cli.main(["identities", "list"]) == 1


@pytest.mark.parametrize("argv", [[], ["fly"], ["run", "--pace", "slow"], ["enroll", "Ada"], ["identities"]])
def test_wrong_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the usage of that verb."""
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: edge-fer")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """edge-fer --version."""
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"edge-fer {__version__}\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`edge-fer ... | head -0` ends without a traceback."""
    code = (
        "import sys, types; from edge_fer import cli;"
        "cli.COMMANDS['watch'].run = lambda args: sys.stdout.write('x' * 200_000) and 0;"
        "sys.exit(cli.main(['watch']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_help_is_quick_and_light() -> None:
    """No verb imports OpenCV, numpy, MQTT or a model runtime before it runs."""
    code = (
        "import sys; from edge_fer import cli; cli.parser().format_help();"
        "print([name for name in ('cv2', 'numpy', 'paho', 'pydantic', 'ai_edge_litert') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "[]\n"


def test_flags_reach_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """edge-fer run's flags beat config.yaml; those that are not given leave it alone."""
    from edge_fer.service import daemon  # noqa: PLC0415

    seen: list[Config] = []

    class Spy:
        def __init__(self, config: Config) -> None:
            seen.append(config)

        def run(self) -> int:
            return 0

    monkeypatch.setattr(daemon, "Daemon", Spy)
    path = tmp_path / "config.yaml"
    path.write_text("camera: {source: a.avi, pace: fast}\nlog: {level: error}\n")
    assert cli.main(["run", "--config", str(path), "--source", "b.avi", "--log-level", "warning"]) == 0
    (config,) = seen
    assert (config.camera.source, config.camera.pace, config.log.level) == ("b.avi", "fast", "warning")
