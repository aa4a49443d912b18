"""The README's commands exist, its links lead somewhere, and no committed file tells where it was made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_fer import cli
from edge_fer.demo import show

ROOT = Path(__file__).parents[3]
PAGES = tuple(path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if path.is_file())
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, ...]]:
    """Every line of every shell block, and every `edge-fer …` and `make …` in the prose."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            yield from (tuple(shlex.split(line, comments=True)) for line in block.splitlines() if line.strip())
        for quoted in re.findall(r"`((?:edge-fer|make) [^`]+)`", page.read_text(encoding="utf-8")):
            yield tuple(shlex.split(quoted))


COMMANDS = sorted(set(commands()))


def test_there_are_commands() -> None:
    """Else the tests below would pass on nothing."""
    assert ("make", "demo") in COMMANDS
    assert sum(command[0] == "edge-fer" for command in COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_of_the_readme_exists(command: tuple[str, ...]) -> None:
    """A make target, a line that the command's own parser takes, or the one apt-get line."""
    program, *arguments = command
    if program == "make":
        assert {argument for argument in arguments if "=" not in argument} <= TARGETS
    elif program == "edge-fer":
        cli.parser().parse_args(arguments)
    else:
        assert command == ("sudo", "apt-get", "install", "python3", "python3-venv", "make")


def test_the_first_command_comes_early() -> None:
    """By line 20, in a README of 200 to 550 words."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert lines.index("make demo") < 20
    assert 200 <= sum(len(line.split()) for line in lines) <= 550


def test_the_sample_output_has_the_columns_that_are_printed() -> None:
    """The table in the README is the demo's."""
    sample = next(block for block in blocks(ROOT / "README.md", "text") if "face enter" in block)
    assert sample.splitlines()[0] == show.header().plain


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the project."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_names_packages_and_hashes_only(lock: Path) -> None:
    """No index, no address, no path: it installs from wherever pip is set up to install."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        pinned = re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[^ ]+( ; [^\\]+)? \\", line)
        assert pinned or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) or line.startswith("# "), line


@pytest.mark.parametrize("lock", ["run", "demo"])
def test_every_environment_has_the_same_versions(lock: str) -> None:
    """What is tested is what is installed: the smaller locks are parts of dev.txt."""

    def pins(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if "==" in line and not line.startswith((" ", "#")):
                package, version = line.split(" ")[0].split("==")
                found.setdefault(package, set()).add(version)
        return found

    tested = pins("dev")
    assert {package: versions - tested.get(package, set()) for package, versions in pins(lock).items()} == {
        package: set() for package in pins(lock)
    }
