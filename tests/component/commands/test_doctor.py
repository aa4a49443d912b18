"""edge-fer doctor as a user sees it."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from edge_fer.cli import main
from tests.portraits import ASTRONAUT, picture


def test_findings_are_printed_and_the_first_failure_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line per check, with a hint below where something is wrong."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert cv2.imwrite(str(folder / "0.png"), cv2.cvtColor(picture(ASTRONAUT), cv2.COLOR_RGB2BGR))
    config = tmp_path / "config.yaml"
    config.write_text("mqtt: {port: 1, protocol: '3.1.1'}\ncamera: {pace: fast}\n")
    assert main(["doctor", "--config", str(config), "--source", str(folder)]) == 69
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"  ok   config    {config}"
    broker = next(number for number, line in enumerate(lines) if line.startswith("FAIL   broker    "))
    assert lines[broker + 1].strip()
    assert not lines[broker + 1].startswith(("  ok", "WARN", "FAIL"))
    assert any(line.startswith("picture   ", 7) for line in lines)
