"""Whole files or none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from converters.staging import staged
from edge_fer.errors import ConversionError


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_files_arrive_together(tmp_path: Path) -> None:
    """What stands in the folder at the end stands in the destination, and nothing else."""
    with staged(tmp_path / "out") as folder:
        (folder / "a.tflite").write_text("new", encoding="utf-8")
        (folder / "a.json").write_text("new", encoding="utf-8")
    assert contents(tmp_path / "out") == {"a.tflite": "new", "a.json": "new"}


@pytest.mark.parametrize("failure", [ValueError("refused"), KeyboardInterrupt()])
def test_a_failure_leaves_the_good_model(tmp_path: Path, failure: BaseException) -> None:
    """An error or Ctrl-C on the way changes nothing and leaves nothing behind."""
    (tmp_path / "a.tflite").write_text("good", encoding="utf-8")

    def interrupted() -> None:
        with staged(tmp_path) as folder:
            (folder / "a.tflite").write_text("half", encoding="utf-8")
            raise failure

    with pytest.raises(type(failure)):
        interrupted()
    assert contents(tmp_path) == {"a.tflite": "good"}


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """Exit code 73, the place, and that nothing changed."""
    (tmp_path / "a.tflite").write_text("good", encoding="utf-8")

    def full() -> None:
        with staged(tmp_path):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ConversionError, match="the disk is full") as caught:
        full()
    assert caught.value.exit_code == 73
    assert contents(tmp_path) == {"a.tflite": "good"}


def test_a_destination_that_is_a_file_is_said(tmp_path: Path) -> None:
    """No traceback for --out given wrongly."""
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(ConversionError, match="out"), staged(tmp_path / "out"):
        pass
