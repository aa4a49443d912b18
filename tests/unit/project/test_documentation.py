"""Generated files are current and complete, and pages name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_fer import cli, errors
from tests.documentation import ROOT, command_line, generated_files

FILES = generated_files()

MARKDOWN = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_generated_files_are_current(path: Path) -> None:
    """If this fails: make docs."""
    assert path.read_text(encoding="utf-8") == FILES[path]


def test_every_command_is_documented() -> None:
    """Each file of edge_fer/commands is a command of edge-fer, with a section of its own."""
    files = {path.stem for path in (ROOT / "edge_fer" / "commands").glob("*.py")} - {"__init__"}
    assert set(cli.COMMANDS) == files
    for command in files:
        assert f"\n## edge-fer {command}\n" in command_line()


def test_every_exit_code_is_documented() -> None:
    """Those of the errors that a command of edge-fer can end with."""
    text = command_line().replace("\n", " ")
    for name in ("ConfigError", "ModelError", "CameraError", "BrokerError", "GalleryError", "EnrollError"):
        assert f" {getattr(errors, name).exit_code} " in text


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Every `edge_fer/….py` and `tests/….py` in backticks, which a renamed file easily leaves behind."""
    paths = re.findall(r"`((?:edge_fer|tests)/[\w./-]+\.py)`", page.read_text(encoding="utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []
