"""The command line: which command runs, and what becomes of its errors."""

from __future__ import annotations

import argparse
import subprocess
import sys
import types
from collections.abc import Callable

import pytest

from edge_fer import __version__, cli
from edge_fer.errors import CameraError, ConfigError, EdgeFerError, GalleryError

Command = Callable[[argparse.Namespace], int]


@pytest.fixture
def replace_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Command], None]:
    """Puts a function in the place of `identities list`."""

    def replace(run: Command) -> None:
        module = types.ModuleType("identities")
        module.__dict__.update(run=run, add_parser=cli.COMMANDS["identities"].add_parser)
        monkeypatch.setitem(cli.COMMANDS, "identities", module)

    return replace


def fail(error: BaseException) -> Command:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize("kind", [EdgeFerError, ConfigError, CameraError, GalleryError])
def test_an_error_is_two_lines_and_its_exit_code(
    kind: type[EdgeFerError], replace_command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, and below it, indented, what to do."""
    replace_command(fail(kind("it is broken", "fix it")))
    assert cli.main(["identities", "list"]) == kind.exit_code
    assert capsys.readouterr() == ("", "edge-fer: it is broken\n  fix it\n")


def test_several_problems_are_several_lines(
    replace_command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """All errors in config.yaml are reported at once."""
    replace_command(fail(ConfigError("camera.fps: too low\nmqtt.port: too high", "fix them")))
    assert cli.main(["identities", "list"]) == 78
    assert capsys.readouterr().err == "edge-fer: camera.fps: too low\nedge-fer: mqtt.port: too high\n  fix them\n"


def test_control_c_is_130(replace_command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell expects, without a traceback."""
    replace_command(fail(KeyboardInterrupt()))
    assert cli.main(["identities", "list"]) == 130
    assert capsys.readouterr().err == ""


def test_the_exit_code_of_a_command_is_passed_on(replace_command: Callable[[Command], None]) -> None:
    """The demo ends with 1 when somebody was missed."""
    replace_command(lambda _: 1)
    assert cli.main(["identities", "list"]) == 1


@pytest.mark.parametrize("argv", [[], ["fly"], ["run", "--pace", "slow"], ["enroll", "Ada"], ["identities"]])
def test_wrong_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the usage of that command."""
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: edge-fer")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """edge-fer --version."""
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"edge-fer {__version__}\n"


def test_a_closed_output_is_no_error() -> None:
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


def test_help_imports_little() -> None:
    """No command imports OpenCV, numpy, MQTT or a model runtime before it runs."""
    code = (
        "import sys; from edge_fer import cli; cli.parser().format_help();"
        "print([name for name in ('cv2', 'numpy', 'paho', 'pydantic', 'ai_edge_litert') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "[]\n"
