"""edge-fer bench: errors of its options, and comparison with a reference."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_fer.cli import main


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["--json", "nowhere/x.json"], 78, "cannot be written"), (["--frames", "1"], 74, "two frames or more")],
)
def test_an_error_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    """One line and the exit code, not a traceback."""
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    assert main(["bench", "--source", str(tmp_path), *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_figure_far_from_its_reference_gives_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is marked in the table; a file that is not a reference is an error."""
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"figures": {"rss_mb": 1.0}}))
    assert main(["bench", "--source", str(tmp_path), "--reference", str(reference)]) == 1
    reference.write_text("[]")
    assert main(["bench", "--source", str(tmp_path), "--reference", str(reference)]) == 78
    assert "reference.json: not a readable reference" in capsys.readouterr().err
