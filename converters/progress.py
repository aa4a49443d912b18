"""One progress bar for long work, on standard error, so that a report on standard output can be piped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")

console = Console(stderr=True)


def bar(*columns: ProgressColumn) -> Progress:
    """A bar that leaves nothing behind; `columns` come last. Nothing is drawn where nobody is looking."""
    shown = (TextColumn("{task.description}"), BarColumn(), *columns, TimeElapsedColumn())
    return Progress(*shown, console=console, transient=True, disable=not console.is_terminal)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass `items` on, and show how many went by."""
    with bar(MofNCompleteColumn()) as progress:
        yield from progress.track(items, total=total, description=what)
