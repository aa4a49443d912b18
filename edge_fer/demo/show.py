"""What the demo prints: the events as they arrive, and the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_fer.demo.measure import Measurement
from edge_fer.demo.server import Received
from edge_fer.demo.verdict import Run, Visit, delivery, visits

COLUMNS = (("time", 10), ("event", 20), ("track", 6), ("who", 22), ("how they look", 18))
_STATE_STYLES = {"known": "green", "unknown": "yellow", "pending": "blue"}


def header() -> Text:
    """The titles of the columns that `event_row` fills."""
    return Text("".join(title.ljust(width) for title, width in COLUMNS).rstrip(), style="bold")


def event_row(event: dict[str, Any], since_first_s: float) -> Text:
    """One event as one line.

    Args:
        since_first_s: From the first event to this one, by the frames' own time.
    """
    kind = f"{event['schema'].removeprefix('edge_fer.').partition('/')[0]} {event['type']}"
    identity = event.get("identity")
    views = _how(event.get("emotion")) or event.get("detail", "")
    cells = (f"{since_first_s:6.2f} s", kind, event.get("track", ""), _who(identity), views)
    row = Text()
    for cell, (title, width) in zip(cells, COLUMNS, strict=True):
        style = _STATE_STYLES.get(identity["state"], "") if identity and title == "who" else ""
        row.append(cell.ljust(width), style)
    row.rstrip()
    return row


def summary(received: Sequence[Received], measured: Measurement, run: Run) -> Table:
    """The figures at the end, one a line."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in (*_speed_rows(measured), *_daemon_rows(received, run), *_visit_rows(received, measured)):
        table.add_row(name, text)
    return table


def _speed_rows(measured: Measurement) -> Iterator[tuple[str, str]]:
    yield "frames", f"{measured.frames}, all processed; {measured.fps:.0f} frames a second"
    yield "time per frame", f"p50 {measured.total_ms(50):.1f} ms, p95 {measured.total_ms(95):.1f} ms"
    yield "  outside models", f"p50 {measured.overhead_ms(50):.1f} ms, p95 {measured.overhead_ms(95):.1f} ms"
    stages = (f"{stage} {spent_ms:.2f}" for stage, spent_ms in measured.stage_ms().items())
    yield "  mean by stage", ", ".join(stages) + " ms"


def _daemon_rows(received: Sequence[Received], run: Run) -> Iterator[tuple[str, str]]:
    count = delivery(received)
    first_s = next((message.at_s - run.started_s for message in received if message.kind.startswith("event/")), None)
    tensorflow = "TensorFlow LOADED" if run.tensorflow else "no TensorFlow"
    yield "daemon", f"peak memory {run.peak_rss_mb:.0f} MB, {tensorflow}"
    yield "first event", "none" if first_s is None else f"{first_s:.1f} s after the process started"
    sign = "=" if count.published == count.received else "but"
    yield "events", f"{count.published} published {sign} {count.received} received, {len(count.invalid)} against schema"


def _visit_rows(received: Sequence[Received], measured: Measurement) -> Iterator[tuple[str, str]]:
    seen = visits(received)
    people = {name for visit in seen for name in visit.names}
    yield "visits told", f"{len(seen)}, of {len(people)} people known by name"
    for visit in seen:
        yield f"  {visit.track}", _visit_line(visit)
    yield "visits measured", f"{len(measured.visits)}, in every frame against the true boxes"
    for truth in measured.visits:
        named = "never named" if truth.named_after_s is None else f"named after {truth.named_after_s:.2f} s"
        tracks = ", ".join(f"t-{track}" for track in sorted(truth.tracks)) or "no track"
        text = f"found in {truth.found_share:.1%} of {truth.visible} frames, {tracks}, {named}"
        yield f"  {truth.subject}", text


def verdict(console: Console, problems: Sequence[str], folder: Path) -> None:
    """Where to look, and whether all is well."""
    console.print(f"Look at {folder / 'annotated.png'} and {folder / 'annotated.mp4'}.", soft_wrap=True)
    for problem in problems:
        console.print(f"NOT RIGHT: {problem}", style="bold red", soft_wrap=True, markup=False)
    if not problems:
        console.print("Everybody was found, named and told of; nothing was lost.", style="bold green")


def _visit_line(visit: Visit) -> str:
    who = " and ".join(visit.names) or "nobody by name"
    named = "" if visit.named_after_s is None else f", named after {visit.named_after_s:.2f} s"
    stayed = "never left" if visit.duration_s is None else f"{visit.duration_s:.1f} s"
    moods = f", {', '.join(visit.moods)}" if visit.moods else ""
    return f"{who}, {stayed}{named}{moods}"


def _who(identity: dict[str, Any] | None) -> str:
    if identity is None:
        return ""
    if identity["state"] != "known":
        return str(identity["state"])
    return f"{identity['subject']} {identity['similarity']:.3f}"


def _how(emotion: dict[str, Any] | None) -> str:
    if emotion is None:
        return ""
    if emotion["state"] != "ok":
        return str(emotion["state"])
    return f"{emotion['label']} {emotion['scores'].get(emotion['label'], 0):.0%}"
