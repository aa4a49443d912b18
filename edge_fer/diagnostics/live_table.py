"""A live table of one device from its messages: who is there now, how the device is, what was missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge_fer.domain.events import FaceEventType
from edge_fer.protocol.event_stream import EventStream
from edge_fer.protocol.messages import ReceivedMessage
from edge_fer.protocol.payload_parts import Emotion, EventPayload, Identity, Quality
from edge_fer.protocol.payloads import (
    AvailabilityPayload,
    EmotionPayload,
    FacePayload,
    HealthPayload,
    SystemPayload,
)
from edge_fer.protocol.topics import Topics

_LEFT_S = 5.0
"""How long a visit that ended stays in the table."""

_ROWS = 50
"""Visits shown at once; the oldest make room."""

_COLUMNS = {"track": 8, "who": 24, "similarity": 10, "emotion": 16, "face px": 7, "since": 8, "last event": 20}
"""Title → width at which a text is cut."""

_NUMBERS = ("similarity", "face px")


@dataclass(slots=True)
class _Row:
    """One visit in the table; left_s is when it ended, in monotonic seconds."""

    identity: Identity
    emotion: Emotion
    quality: Quality | None
    since: str
    last_event: str
    left_s: float | None = None


class LiveTable:
    """Takes messages, gives a table; one thread owns it.

    Args:
        topics: Of the device.
        clock: Monotonic seconds.
    """

    def __init__(self, topics: Topics, clock: Callable[[], float] = time.monotonic) -> None:
        self._topics = topics
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._availability = "no data yet"
        self._health: HealthPayload | None = None
        self._system_event = ""
        self._stream = EventStream()
        self._boot_id: str | None = None

    def update(self, message: ReceivedMessage) -> None:
        """Process one message."""
        payload = message.payload
        if isinstance(payload, AvailabilityPayload):
            self._availability = payload.root
            if not payload.online:
                self._rows.clear()
        elif isinstance(payload, HealthPayload):
            self._health = payload
        elif isinstance(payload, EventPayload) and self._stream.is_new(payload):
            self._update_event(payload)

    def render(self, rejections: str = "") -> RenderableType:
        """The table now.

        Args:
            rejections: How many messages were not readable, and why; one line.
        """
        self._remove_left()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title, width in _COLUMNS.items():
            table.add_column(
                title,
                justify="right" if title in _NUMBERS else "left",
                max_width=width,
                no_wrap=True,
                overflow="ellipsis",
            )
        for track, row in self._rows.items():
            table.add_row(*_cells(track, row), style="dim" if row.left_s is not None else None)
        if not self._rows:
            table.add_row(Text("nobody", style="dim"))
        lines = [_text(f"{self._topics.root}: {self._availability}", "bold"), _text(self._health_line())]
        if self._system_event:
            lines.append(_text(self._system_event, "yellow"))
        if missing := self._stream.missing:
            lines.append(_text(f"{missing} events missed", "red"))
        if rejections:
            lines.append(_text(rejections, "red"))
        return Group(*lines, table)

    def _update_event(self, event: EventPayload) -> None:
        if event.boot_id != self._stream.boot_id:
            return  # a late one of an earlier run, whose visits are over
        if event.boot_id != self._boot_id:
            self._boot_id = event.boot_id
            self._rows.clear()
        if isinstance(event, FacePayload):
            self._update_face(event)
        elif isinstance(event, EmotionPayload):
            self._update_emotion(event)
        elif isinstance(event, SystemPayload):
            self._system_event = f"{_clock_time(event.ts)} {event.type.value}: {event.detail}"

    def _update_face(self, face: FacePayload) -> None:
        at = _clock_time(face.ts)
        since = self._rows[face.track].since if face.track in self._rows else at
        left_s = self._clock() if face.type is FaceEventType.LEAVE else None
        last_event = f"{face.type.value} {at}"
        self._rows[face.track] = _Row(face.identity, face.emotion, face.quality, since, last_event, left_s)
        if len(self._rows) > _ROWS:
            del self._rows[next(iter(self._rows))]

    def _update_emotion(self, event: EmotionPayload) -> None:
        row = self._rows.get(event.track)
        if row and row.left_s is None:
            row.identity, row.emotion = event.identity, event.emotion
            row.last_event = f"{event.type.value} {_clock_time(event.ts)}"

    def _remove_left(self) -> None:
        now_s = self._clock()
        self._rows = {
            track: row for track, row in self._rows.items() if row.left_s is None or now_s - row.left_s < _LEFT_S
        }

    def _health_line(self) -> str:
        health = self._health
        if health is None:
            return "health: no data yet"
        latency = health.latency_ms
        parts = [
            f"camera {health.camera}",
            f"{health.fps} frames/s",
            f"latency p50 {_or_dash(latency.p50)} p95 {_or_dash(latency.p95)} ms",
            f"{health.rss_mb} MB",
            f"{_or_dash(health.temperature_c)} °C",
        ]
        return "health: " + ", ".join(parts)


def _cells(track: str, row: _Row) -> list[Text]:
    similarity = row.identity.similarity
    return [
        _text(track),
        _text(row.identity.subject or row.identity.state.value),
        _text("-" if similarity is None else f"{similarity:.3f}"),
        _text(row.emotion.label or row.emotion.reason or row.emotion.state.value),
        _text(_or_dash(row.quality and row.quality.face_px)),
        _text(row.since),
        _text(row.last_event),
    ]


def _text(value: str, style: str = "") -> Text:
    """As it is, never as markup, on one line: what a broker sends may not steer the terminal."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in value)
    return Text(printable, style=style, no_wrap=True, overflow="ellipsis")


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _clock_time(at: datetime) -> str:
    """Local time of day."""
    return at.astimezone().strftime("%H:%M:%S")
