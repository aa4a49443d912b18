"""Generated pages are current, and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_fer import cli, errors
from tests.documentation import PAGES, ROOT, command_line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    """If this fails: make docs."""
    assert path.read_text(encoding="utf-8") == PAGES[path]()


def test_every_command_is_documented() -> None:
    """Each file of edge_fer/commands is a verb of the command line, with a section of its own."""
    files = {path.stem for path in (ROOT / "edge_fer" / "commands").glob("*.py")} - {"__init__"}
    assert set(cli.COMMANDS) == files
    for verb in files:
        assert f"\n## edge-fer {verb}\n" in command_line()


def test_every_exit_code_is_documented() -> None:
    """Those of the error classes that edge-fer's verbs can end with."""
    told = command_line().replace("\n", " ")
    for name in ("ConfigError", "ModelError", "CameraError", "BrokerError", "GalleryError", "EnrollError"):
        assert f" {getattr(errors, name).exit_code} " in told
