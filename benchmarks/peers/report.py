"""From answers to tables: medians, ratios, faces found, and which targets are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.peers.contenders import EVERY_FRAME, FOLLOWING, MEDIAPIPE, OURS_40, STILLS, WITH_EMOTION
from benchmarks.peers.race import Answer
from edge_fer.domain.geometry import Box
from edge_fer.vision.boxes import iou_matrix

SAME_FACE_IOU = 0.5
"""Overlap from which on a box counts as the known face. Source: the WIDER FACE protocol."""

_AGAINST = {contender.name: contender.against for contender in STILLS if contender.against}

_TIMES_FASTER = (("facenet-pytorch", 8.0), ("fer", 15.0), ("mtcnn 1.0.0", 4.0))
"""Contender and how many times faster than it the full cascade is to be, at 640×480."""


@dataclass(frozen=True, slots=True)
class Row:
    """One contender under one condition.

    Attributes:
        median_ms, p95_ms: Of the time on the clock.
        cpu_ms: Median processor time: the time on the clock that a core of its own would give.
        mean_cpu_ms: Over the frames, of each frame's median: for those whose frames differ in cost.
        found, present: Faces, over the condition's frames.
        extra: Boxes that are no known face; on photos, bystanders are among them.
        resident_mb: Of its process, after its last frame.
        ratio: `cpu_ms` over that of the contender of ours that it is compared with; None for ours.
    """

    name: str
    median_ms: float
    p95_ms: float
    cpu_ms: float
    mean_cpu_ms: float
    found: int
    present: int
    extra: int
    resident_mb: float
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Frames of one kind, and what everybody did on them."""

    people: str
    width_px: int
    height_px: int
    faces: int
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row | None:
        """The contender's row, or None where it could not run."""
        return next((row for row in self.rows if row.name == name), None)


@dataclass(frozen=True, slots=True)
class Target:
    """What edge_fer is to reach, and what was measured."""

    text: str
    measured: str
    met: bool


def matched(found: Sequence[Sequence[float]], faces: Sequence[Box]) -> int:
    """How many faces have a box of their own at SAME_FACE_IOU, the best pairs first."""
    if not found or not faces:
        return 0
    overlaps = iou_matrix(np.array(found, np.float32).reshape(-1, 4), np.stack([face.xyxy() for face in faces]))
    count = 0
    while overlaps.max() >= SAME_FACE_IOU:
        box, face = np.unravel_index(overlaps.argmax(), overlaps.shape)
        overlaps[box, :] = overlaps[:, face] = -1
        count += 1
    return count


def row(name: str, answers: Sequence[Sequence[Answer]], truth: Sequence[Sequence[Box]], *, warm_up: int = 1) -> Row:
    """One contender's row.

    Args:
        answers: By frame, in the order of asking.
        truth: By frame, where the faces are.
        warm_up: Answers to each frame that are not timed.
    """
    wall_s = np.array([[answer.wall_s for answer in frame[warm_up:]] for frame in answers])
    cpu_s = np.array([[answer.cpu_s for answer in frame[warm_up:]] for frame in answers])
    last = [frame[-1] for frame in answers]
    hits = [matched(answer.boxes, faces) for answer, faces in zip(last, truth, strict=True)]
    return Row(
        name=name,
        median_ms=float(np.median(wall_s)) * 1e3,
        p95_ms=float(np.percentile(wall_s, 95)) * 1e3,
        cpu_ms=float(np.median(cpu_s)) * 1e3,
        mean_cpu_ms=float(np.median(cpu_s, axis=1).mean()) * 1e3,
        found=sum(hits),
        present=sum(map(len, truth)),
        extra=sum(len(answer.boxes) for answer in last) - sum(hits),
        resident_mb=last[-1].resident_bytes / 1e6,
    )


def with_ratios(rows: Sequence[Row], against: Mapping[str, str] = _AGAINST) -> tuple[Row, ...]:
    """The rows, each with its ratio to the row that it is compared with."""
    cpu_ms = {row.name: row.cpu_ms for row in rows}
    ratios = {name: cpu_ms[name] / cpu_ms[ours] for name, ours in against.items() if {name, ours} <= cpu_ms.keys()}
    return tuple(Row(**{**asdict(row), "ratio": ratios.get(row.name)}) for row in rows)


def table(condition: Condition) -> str:
    """A Markdown table."""
    lines = [
        f"**{condition.people}, {condition.width_px}×{condition.height_px}, faces: {condition.faces}**",
        "",
        "| | median ms | p95 ms | CPU ms | × ours | faces found | extra | MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in condition.rows:
        ratio = f"{row.ratio:.1f}" if row.ratio else ""
        times = f"{row.median_ms:.2f} | {row.p95_ms:.2f} | {row.cpu_ms:.2f}"
        found = f"{row.found} of {row.present} | {row.extra} | {row.resident_mb:.0f}"
        lines.append(f"| {row.name} | {times} | {ratio} | {found} |")
    return "\n".join(lines)


def summary(conditions: Sequence[Condition]) -> str:
    """A Markdown table of conditions that differ in the number of faces only: each cell has a value for each."""
    first = conditions[0]
    counts = " / ".join(str(condition.faces) for condition in conditions)
    lines = [
        f"**{first.people}, {first.width_px}×{first.height_px}, faces: {counts}**",
        "",
        "| | CPU ms | × ours | faces found | extra | MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in (row.name for row in first.rows):
        rows = [found for condition in conditions if (found := condition.row(name))]
        cells = (
            " / ".join(f"{row.cpu_ms:.1f}" for row in rows),
            " / ".join(f"{row.ratio:.1f}" for row in rows if row.ratio),
            f"{sum(row.found for row in rows)} of {sum(row.present for row in rows)}",
            str(sum(row.extra for row in rows)),
            f"{max(row.resident_mb for row in rows):.0f}",
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def clip_table(condition: Condition, fps: int) -> str:
    """A Markdown table of the contenders that follow."""
    lines = [
        f"**{condition.people}, clip of {condition.faces} moving faces at {fps} frames a second, "
        f"{condition.width_px}×{condition.height_px}**",
        "",
        "| | mean CPU ms a frame | median ms | p95 ms | faces found | extra | MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in condition.rows:
        found = f"{row.found} of {row.present} | {row.extra} | {row.resident_mb:.0f}"
        lines.append(f"| {row.name} | {row.mean_cpu_ms:.2f} | {row.median_ms:.2f} | {row.p95_ms:.2f} | {found} |")
    return "\n".join(lines)


def targets(stills: Sequence[Condition], clips: Sequence[tuple[Condition, int]]) -> tuple[Target, ...]:
    """The targets that the measured conditions can tell."""
    small = [condition for condition in stills if condition.width_px == 640]
    found = [target for name, times in _TIMES_FASTER if (target := _faster(small, name, times))]
    for people, width_px in sorted({(condition.people, condition.width_px) for condition in stills}):
        alike = {c.faces: c.row(OURS_40) for c in stills if (c.people, c.width_px) == (people, width_px)}
        one, ten = alike.get(1), alike.get(10)
        if one and ten:
            ratio = ten.cpu_ms / one.cpu_ms
            text = f"10 faces cost at most 2 × one ({people}, {width_px} px wide)"
            found.append(Target(text, f"{ratio:.2f}", ratio <= 2))
    for condition, fps in clips:
        found.extend(_steady(condition, fps))
    return tuple(found)


def _faster(conditions: Sequence[Condition], name: str, times: float) -> Target | None:
    """At least `times` faster than a contender, at no fewer faces found, under the least favorable condition."""
    pairs = [(row, condition.row(_AGAINST[name])) for condition in conditions if (row := condition.row(name))]
    ratios = [row.ratio for row, _ in pairs if row.ratio]
    if not ratios:
        return None
    theirs, ours = sum(row.found for row, _ in pairs), sum(row.found for _, row in pairs if row)
    measured = f"{min(ratios):.1f} to {max(ratios):.1f}; found {ours}, it {theirs}"
    text = f"{times:.0f} × faster than {name} at 640×480, at no fewer faces"
    return Target(text, measured, min(ratios) >= times and ours >= theirs)


def _steady(condition: Condition, fps: int) -> list[Target]:
    """At most what MediaPipe's detection costs, with 98 % of the recall of searching every frame."""
    emotional, theirs, searching = (condition.row(name) for name in (WITH_EMOTION, MEDIAPIPE, EVERY_FRAME))
    ours = emotional or condition.row(FOLLOWING)
    what = "emotion included" if emotional else "without emotion, for want of its model"
    found = []
    where = f"{condition.faces} moving faces at {fps} frames a second ({condition.people})"
    if ours and theirs:
        ratio = ours.mean_cpu_ms / theirs.mean_cpu_ms
        found.append(Target(f"at most 1.0 × MediaPipe, {what}: {where}", f"{ratio:.2f}", ratio <= 1))
    if ours and searching:
        recall = ours.found / searching.found
        found.append(Target(f"98 % of the recall of searching: {where}", f"{recall:.1%}", recall >= 0.98))
    return found
