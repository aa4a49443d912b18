"""What a subscriber knows of one device from its messages: who is there now, how the device is, what was missed.

It counts events by `id` and gaps by `boot_id` and `seq`, as docs/mqtt.md asks of every server.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge_fer.protocol.topics import OFFLINE, Topics

_REMEMBERED_IDS = 1000
"""More than a publisher ever has on its way at once, twice over."""

_GONE_S = 5.0
"""How long a visit that ended stays on the board."""


@dataclass(slots=True)
class _Row:
    """One visit on the board."""

    face: dict[str, Any]
    since: str
    last_event: str
    gone_s: float | None = None


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
        self._availability = "no word yet"
        self._health: dict[str, Any] | None = None
        self._system = ""
        self._boot_id: str | None = None
        self._last_seq = 0
        self._seen_ids: deque[str] = deque(maxlen=_REMEMBERED_IDS)
        self.missed = 0
        self.unreadable = 0

    def take(self, topic: str, payload: bytes) -> None:
        """Take in one message; what is not ours is counted and left alone."""
        try:
            if topic == self._topics.availability:
                self._availability = payload.decode()
                if self._availability == OFFLINE:
                    self._rows.clear()
            else:
                self._take_object(topic, json.loads(payload))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.unreadable += 1

    def render(self) -> RenderableType:
        """The board now."""
        self._forget_gone()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("track", "who", "similarity", "emotion", "face px", "since", "last event"):
            table.add_column(column, justify="right" if column in ("similarity", "face px") else "left")
        for track, row in self._rows.items():
            table.add_row(*_cells(track, row), style="dim" if row.gone_s is not None else None)
        if not self._rows:
            table.add_row(Text("nobody", style="dim"))
        lines = [_text(f"{self._topics.root}: {self._availability}", "bold"), _text(self._health_line(), "")]
        if self._system:
            lines.append(_text(self._system, "yellow"))
        if self.missed or self.unreadable:
            lines.append(_text(f"{self.missed} events missed, {self.unreadable} messages not readable", "red"))
        return Group(*lines, table)

    def _take_object(self, topic: str, told: dict[str, Any]) -> None:
        if topic == self._topics.health:
            self._health = told
        elif topic in (self._topics.face, self._topics.emotion, self._topics.system) and self._is_news(told):
            if topic == self._topics.face:
                self._take_face(told)
            elif topic == self._topics.emotion:
                self._take_emotion(told)
            else:
                self._system = f"{_clock_time(told['ts'])} {told['type']}: {told['detail']}"

    def _is_news(self, told: dict[str, Any]) -> bool:
        """Whether this event was not here before; on the way, count those that never came."""
        if told["id"] in self._seen_ids:
            return False
        self._seen_ids.append(told["id"])
        seq = int(told["seq"])
        if told["boot_id"] != self._boot_id:
            self._boot_id = told["boot_id"]
            self._rows.clear()
        else:
            self.missed += max(0, seq - self._last_seq - 1)
        self._last_seq = seq
        return True

    def _take_face(self, told: dict[str, Any]) -> None:
        at = _clock_time(told["ts"])
        known = self._rows.get(told["track"])
        since = known.since if known else at
        gone_s = self._clock() if told["type"] == "leave" else None
        self._rows[told["track"]] = _Row(told, since, f"{told['type']} {at}", gone_s)

    def _take_emotion(self, told: dict[str, Any]) -> None:
        row = self._rows.get(told["track"])
        if row and row.gone_s is None:
            row.face = {**row.face, "identity": told["identity"], "emotion": told["emotion"]}
            row.last_event = f"{told['type']} {_clock_time(told['ts'])}"

    def _forget_gone(self) -> None:
        now_s = self._clock()
        self._rows = {
            track: row for track, row in self._rows.items() if row.gone_s is None or now_s - row.gone_s < _GONE_S
        }

    def _health_line(self) -> str:
        if self._health is None:
            return "health: no word yet"
        get = self._health.get
        latency = get("latency_ms") or {}
        parts = [
            f"camera {get('camera')}",
            f"{get('fps')} frames/s",
            f"latency p50 {_or_dash(latency.get('p50'))} p95 {_or_dash(latency.get('p95'))} ms",
            f"{get('rss_mb')} MB",
            f"{_or_dash(get('temperature_c'))} °C",
        ]
        return "health: " + ", ".join(parts)


def _cells(track: str, row: _Row) -> list[Text]:
    identity, emotion = row.face["identity"], row.face["emotion"]
    quality = row.face["quality"]
    return [
        _text(track),
        _text(identity["subject"] or identity["state"]),
        _text("-" if identity["similarity"] is None else f"{identity['similarity']:.3f}"),
        _text(emotion["label"] or emotion["reason"] or emotion["state"]),
        _text(_or_dash(quality and quality["face_px"])),
        _text(row.since),
        _text(row.last_event),
    ]


def _text(value: str, style: str = "") -> Text:
    """As it is, never as markup; a broker's data may not steer the terminal."""
    return Text("".join(letter if letter.isprintable() else "?" for letter in value), style=style)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _clock_time(ts: str) -> str:
    """Local time of day."""
    return datetime.fromisoformat(ts.replace("Z", "+00:00")).astimezone().strftime("%H:%M:%S")
