"""deploy/edge-fer.service, checked by systemd's own tools and against what the code promises."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_fer import errors
from edge_fer.cli import parser
from tests.documentation import ROOT

UNIT = ROOT / "deploy" / "edge-fer.service"
README = ROOT / "deploy" / "README.md"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def service() -> dict[str, list[str]]:
    """Key → values of the unit's [Service] section; systemd allows a key several times."""
    section = UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0]
    keys: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        keys.setdefault(key, []).append(value)
    return keys


@needs_systemd
def test_systemd_accepts_every_line(tmp_path: Path) -> None:
    """`systemd-analyze verify` returns 0 on a misspelt key, so that any output is a failure."""
    unit = tmp_path / "edge-fer.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@needs_systemd
def test_the_sandbox_is_tight() -> None:
    """Exposure at most 2.0 of 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_restart_is_tried_only_where_it_may_help(service: dict[str, list[str]]) -> None:
    """The exit codes of errors that only a person can fix."""
    lasting = (errors.ConfigError, errors.ModelError, errors.GalleryError, errors.EnrollError)
    prevented = {int(code) for code in service["RestartPreventExitStatus"][0].split()}
    assert prevented == {error.exit_code for error in lasting}
    assert service["Restart"] == ["on-failure"]


def test_the_traps_of_cameras_and_models_are_avoided(service: dict[str, list[str]]) -> None:
    """Each of these was seen to break a service; see the comments in the unit."""
    assert service["DeviceAllow"] == ["char-81 rw"]
    assert service["SystemCallErrorNumber"] == ["EPERM"]
    assert service["SupplementaryGroups"] == ["video"]
    assert not {"ProcSubset", "PrivateDevices"} & set(service)


def test_it_starts_a_command_line_that_exists(service: dict[str, list[str]]) -> None:
    """Type=notify and the watchdog need the main process itself, without a shell in front."""
    program, *arguments = service["ExecStart"][0].split()
    assert program.endswith("/bin/edge-fer")
    assert parser().parse_args(arguments).command == "run"
    assert (service["Type"], service["NotifyAccess"], service["WatchdogSec"]) == (["notify"], ["main"], ["30"])


def test_the_unit_is_ini() -> None:
    """Three sections, in systemd's order."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(UNIT)
    assert unit.sections() == ["Unit", "Service", "Install"]


def test_the_readme_installs_what_the_unit_expects(service: dict[str, list[str]]) -> None:
    """Same user, same folders, same exit codes."""
    text = README.read_text()
    for path in ("/opt/edge-fer", "/etc/edge-fer/config.yaml", f"/var/lib/{service['StateDirectory'][0]}"):
        assert path in text
    assert "useradd --system --user-group --groups video --home-dir /var/lib/edge-fer" in text
    assert service["User"] == ["edge-fer"]
    for code in service["RestartPreventExitStatus"][0].split():
        assert re.search(rf"^\| {code} \|.*\| no \|$", text, re.MULTILINE)
