"""What the demo prints: the events as they arrive, and the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_fer.demo.measure import Measurement
from edge_fer.demo.verdict import Reception, Run, Visit, delivery, visits
from edge_fer.domain.faces import IdentityState
from edge_fer.protocol.payload_parts import Emotion, EventPayload, Identity
from edge_fer.protocol.payloads import EmotionPayload, FacePayload, SystemPayload

COLUMNS = (("time", 10), ("event", 20), ("track", 6), ("who", 22), ("emotion", 18))
_STATE_STYLES = {IdentityState.KNOWN: "green", IdentityState.UNKNOWN: "yellow", IdentityState.PENDING: "blue"}


def header() -> Text:
    """The titles of the columns that `event_row` fills."""
    return Text("".join(title.ljust(width) for title, width in COLUMNS).rstrip(), style="bold")


def event_row(event: FacePayload | EmotionPayload | SystemPayload, since_first_s: float) -> Text:
    """One event as one line.

    Args:
        since_first_s: From the first event to this one, by the frames' own time.
    """
    name = f"{event.schema_id.removeprefix('edge_fer.').partition('/')[0]} {event.type.value}"
    if isinstance(event, SystemPayload):  # no face: the detail stands where the emotion would
        cells, who_style = ("", "", event.detail), ""
    else:
        cells = (event.track, _who(event.identity), _emotion(event.emotion))
        who_style = _STATE_STYLES.get(event.identity.state, "")
    row = Text()
    for cell, (title, width) in zip((f"{since_first_s:6.2f} s", name, *cells), COLUMNS, strict=True):
        row.append(cell.ljust(width), who_style if title == "who" else "")
    row.rstrip()
    return row


def summary(reception: Reception, measured: Measurement, run: Run) -> Table:
    """The figures at the end, one a line."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in (*_speed_rows(measured), *_daemon_rows(reception, run), *_visit_rows(reception, measured)):
        table.add_row(name, text)
    return table


def _speed_rows(measured: Measurement) -> Iterator[tuple[str, str]]:
    yield "frames", f"{measured.frames}, all processed; {measured.fps:.0f} frames a second"
    yield "time per frame", f"p50 {measured.total_ms(50):.1f} ms, p95 {measured.total_ms(95):.1f} ms"
    yield "  outside models", f"p50 {measured.overhead_ms(50):.1f} ms, p95 {measured.overhead_ms(95):.1f} ms"
    stages = (f"{stage} {spent_ms:.2f}" for stage, spent_ms in measured.stage_ms().items())
    yield "  mean by stage", ", ".join(stages) + " ms"


def _daemon_rows(reception: Reception, run: Run) -> Iterator[tuple[str, str]]:
    count = delivery(reception)
    arrivals_s = (message.received_s for message in reception.messages if isinstance(message.payload, EventPayload))
    first_s = next(arrivals_s, None)
    tensorflow = "TensorFlow LOADED" if run.tensorflow else "no TensorFlow"
    yield "daemon", f"peak memory {run.peak_rss_mb:.0f} MB, {tensorflow}"
    yield "first event", "none" if first_s is None else f"{first_s - run.started_s:.1f} s after the process started"
    yield "events", f"{count.published} published, {count.received} received, {reception.rejected} not readable"


def _visit_rows(reception: Reception, measured: Measurement) -> Iterator[tuple[str, str]]:
    seen = visits(reception)
    people = {name for visit in seen for name in visit.names}
    yield "visits reported", f"{len(seen)}, of {len(people)} people known by name"
    for visit in seen:
        yield f"  {visit.track}", _visit_line(visit)
    yield "visits measured", f"{len(measured.visits)}, in every frame against the true boxes"
    for truth in measured.visits:
        named = "never named" if truth.named_after_s is None else f"named after {truth.named_after_s:.2f} s"
        tracks = ", ".join(f"t-{track}" for track in sorted(truth.tracks)) or "no track"
        text = f"found in {truth.found_share:.1%} of {truth.visible} frames, {tracks}, {named}"
        yield f"  {truth.subject}", text


def verdict(console: Console, problems: Sequence[str], folder: Path) -> None:
    """Where to look, and whether the demo succeeded."""
    console.print(f"Look at {folder / 'annotated.png'} and {folder / 'annotated.mp4'}.", soft_wrap=True)
    for problem in problems:
        console.print(f"FAILED: {problem}", style="bold red", soft_wrap=True, markup=False)
    if not problems:
        console.print("Everybody was found, recognized and reported; no event was lost.", style="bold green")


def _visit_line(visit: Visit) -> str:
    who = " and ".join(visit.names) or "nobody by name"
    named = "" if visit.named_after_s is None else f", named after {visit.named_after_s:.2f} s"
    stayed = "never left" if visit.duration_s is None else f"{visit.duration_s:.1f} s"
    emotions = f", {', '.join(visit.emotions)}" if visit.emotions else ""
    return f"{who}, {stayed}{named}{emotions}"


def _who(identity: Identity) -> str:
    if identity.state is not IdentityState.KNOWN:
        return str(identity.state.value)
    similarity = "" if identity.similarity is None else f" {identity.similarity:.3f}"
    return f"{identity.subject}{similarity}"


def _emotion(emotion: Emotion) -> str:
    if emotion.label is None:
        return str(emotion.state.value)
    return f"{emotion.label} {emotion.scores.get(emotion.label, 0):.0%}"
