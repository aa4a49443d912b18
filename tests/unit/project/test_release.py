"""What `make version` and a release rely on: the changelog's form, and targets that say what they do."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from edge_fer import __version__

ROOT = Path(__file__).parents[3]
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    """Its only section without a version."""
    assert HEADINGS[0] == "[Unreleased]"
    assert HEADINGS.count("[Unreleased]") == 1


def test_the_latest_release_is_the_version_of_the_code() -> None:
    """Every release has its version and its date, the newest first."""
    releases = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\S+)", heading) for heading in HEADINGS[1:]]
    assert all(releases)
    told = [(tuple(map(int, found.groups()[:3])), date.fromisoformat(found[4])) for found in releases if found]
    assert told == sorted(told, reverse=True)
    assert ".".join(map(str, told[0][0])) == __version__


def test_every_target_says_what_it_does() -> None:
    """In the list that plain `make` prints; each is phony, so that no file of its name stops it."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    described = set(re.findall(r"^([a-z][a-z-]*):.*## \w", MAKEFILE, re.MULTILINE))
    phony = set(MAKEFILE.partition(".PHONY:")[2].partition("\n.")[0].replace("\\\n", "").split())
    assert targets == described == phony
    assert ".DEFAULT_GOAL := help" in MAKEFILE


def test_hooks_run_what_make_lint_runs() -> None:
    """The same programs, from the same environment."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    lint = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    programs = set(re.findall(r"/bin/(\w+)", lint))
    assert len(programs) >= 3
    assert set(re.findall(r"entry: \.venv/bin/(\w+)", hooks)) == programs


def test_hosted_ci_runs_the_same_script() -> None:
    """A fork's first push checks what a developer checks."""
    assert "- run: .ci/run\n" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
