"""How long anybody is seen under somebody else's name, in scripted scenes made of photos of real people.

    python -m benchmarks.wrong_names PHOTOS... [--scenes 1000]

PHOTOS are .zip files or folders of LFW (one folder for each person). In each scene two people meet, and something
happens that makes trackers take one for the other: a cut, a crossing, one steps in front of the other, one leaves while
the other enters, two swap seats while the view is blocked for a second. Who is enrolled is drawn for each scene; photos
that enroll are never those that are filmed. Printed for each kind: seconds under a wrong name, and how many of them lie
more than a second after the name began to be wrong; id switches (a track goes over to another person) and
fragmentations (a person in view gets another track).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from benchmarks.scenes import Stand
from edge_fer.arguments import at_least_one
from edge_fer.config import loading
from edge_fer.config.schema import Config
from edge_fer.domain.faces import Frame, IdentityState, Observation
from edge_fer.domain.geometry import Box
from edge_fer.identity import enrollment
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Gallery
from edge_fer.pipeline import building
from edge_fer.samples.portraits import Portrait
from edge_fer.tflite.model import Model
from edge_fer.vision import boxes
from edge_fer.vision.detections import largest_face
from edge_fer.vision.mtcnn import Mtcnn

FPS = 15
SIZE = (640, 480)
ENROLLED_PHOTOS = 3
GALLERY = 5
"""People enrolled in each scene, among them one or both of those filmed."""

SAME_FACE_IOU = 0.4
ALLOWED_S = 1.0
"""A wrong name may last this long: the time in which a change must be noticed."""

Person = str
Placed = dict[Person, Stand]


@dataclass(frozen=True, slots=True)
class Cast:
    """The two people of a scene: names, the photo that is filmed, and how each stands and sways.

    Attributes:
        height_px: Of the faces.
        phase: Of the swaying, in radians.
    """

    names: tuple[Person, Person]
    portraits: tuple[Portrait, Portrait]
    height_px: tuple[float, float]
    phase: tuple[float, float]

    def stand(self, index: int, x: float, y: float, at_s: float) -> Stand:
        """Person `index` with the face's center at (x, y), never quite still."""
        swing = np.sin(2 * np.pi * 0.4 * at_s + self.phase[index])
        return Stand(
            self.portraits[index], x + 4 * swing, y + 3 * np.cos(1.7 * swing), self.height_px[index], 5 * float(swing)
        )


def cut(at_s: float, cast: Cast) -> Placed:
    """The film cuts from one person to another at the same place."""
    index = int(at_s >= 3)
    return {cast.names[index]: cast.stand(index, 320, 230, at_s)}


def crossing(at_s: float, cast: Cast) -> Placed:
    """Two people walk past each other, the second in front."""
    x = 80 + 480 * at_s / 6
    return {
        cast.names[0]: cast.stand(0, x, 230, at_s),
        cast.names[1]: cast.stand(1, SIZE[0] - x, 236, at_s),
    }


def in_front(at_s: float, cast: Cast) -> Placed:
    """One stands; the other steps in front and stays there."""
    x = max(320.0, 640 - 160 * max(0.0, at_s - 1.5))
    placed = {cast.names[0]: cast.stand(0, 320, 230, at_s)}
    if at_s >= 1.5:
        placed[cast.names[1]] = cast.stand(1, x, 232, at_s)
    return placed


def leave_and_enter(at_s: float, cast: Cast) -> Placed:
    """One leaves through the door by which the other comes in."""
    out, back = 320 + 200 * max(0.0, at_s - 2), 720 - 200 * max(0.0, at_s - 2.4)
    placed = {}
    if out < SIZE[0] + 80:
        placed[cast.names[0]] = cast.stand(0, out, 230, at_s)
    if at_s >= 2.4:
        placed[cast.names[1]] = cast.stand(1, max(330.0, back), 232, at_s)
    return placed


def swapped_seats(at_s: float, cast: Cast) -> Placed:
    """Two sit side by side; the view is blocked for a second, and then they sit the other way round."""
    if 3 <= at_s < 4:
        return {}
    places = (230, 410) if at_s < 3 else (410, 230)
    return {cast.names[index]: cast.stand(index, places[index], 230, at_s) for index in (0, 1)}


SCRIPTS: dict[str, Callable[[float, Cast], Placed]] = {
    "cut": cut,
    "crossing": crossing,
    "in front": in_front,
    "leave and enter": leave_and_enter,
    "swapped seats": swapped_seats,
}
DURATION_S = 6.5


@dataclass(slots=True)
class Tally:
    """What went wrong in the scenes of one kind."""

    scenes: int = 0
    named_s: float = 0.0
    present_s: float = 0.0
    wrong_s: float = 0.0
    late_wrong_s: float = 0.0
    scenes_with_late: int = 0
    switches: int = 0
    fragments: int = 0


@dataclass(slots=True)
class _Scene:
    """Books of one scene, frame by frame."""

    tally: Tally
    wrong_since_s: dict[Person, float] = field(default_factory=dict)
    person_of: dict[int, Person] = field(default_factory=dict)
    track_of: dict[Person, int] = field(default_factory=dict)
    late: bool = False

    def see(self, at_s: float, stands: Placed, hidden: set[Person], observations: Sequence[Observation]) -> None:
        """Take one frame in."""
        for person in list(self.track_of):
            if person not in stands or person in hidden:
                self.track_of.pop(person)  # out of view: another track afterwards is no fragment
        visible = [person for person in stands if person not in hidden]
        for person, seen in match({person: stands[person] for person in visible}, observations).items():
            self._count(at_s, person, seen)
        for person in [person for person in self.wrong_since_s if person not in visible]:
            del self.wrong_since_s[person]

    def _count(self, at_s: float, person: Person, seen: Observation | None) -> None:
        step_s = 1 / FPS
        self.tally.present_s += step_s
        if seen is None:
            return
        track_id = seen.track.track_id
        self.tally.switches += self.person_of.get(track_id, person) != person
        self.tally.fragments += self.track_of.get(person, track_id) != track_id
        self.person_of[track_id], self.track_of[person] = person, track_id
        named = seen.identity.state is IdentityState.KNOWN
        self.tally.named_s += step_s * (named and seen.identity.subject == person)
        if not named or seen.identity.subject == person:
            self.wrong_since_s.pop(person, None)
            return
        since_s = self.wrong_since_s.setdefault(person, at_s)
        self.tally.wrong_s += step_s
        if at_s - since_s >= ALLOWED_S:
            self.tally.late_wrong_s += step_s
            self.late = True


def match(stands: Placed, observations: Sequence[Observation]) -> dict[Person, Observation | None]:
    """For each person in view the observation whose detection lies on the face, or None."""
    seen = [observation for observation in observations if observation.track.detection]
    if not stands or not seen:
        return dict.fromkeys(stands)
    overlaps = boxes.iou_matrix(
        np.stack([stand.face.xyxy() for stand in stands.values()]),
        np.stack([observation.track.box.xyxy() for observation in seen]),
    )
    best = overlaps.argmax(axis=1).tolist()
    return {
        person: seen[column] if overlaps[row, column] >= SAME_FACE_IOU else None
        for row, (person, column) in enumerate(zip(stands, best, strict=True))
    }


def hidden_people(stands: Placed) -> set[Person]:
    """Those of whose face a good part lies behind somebody drawn later, or outside the frame."""
    people = list(stands)
    hidden = set()
    for index, person in enumerate(people):
        face = stands[person].face
        inside = face.shared(Box(0, 0, *SIZE)) / face.area
        # a person's cutout reaches beyond the face: about the hair
        covered = max((face.shared(_head(stands[other])) / face.area for other in people[index + 1 :]), default=0.0)
        if inside < 0.9 or covered > 0.2:
            hidden.add(person)
    return hidden


def _head(stand: Stand) -> Box:
    face = stand.face
    return Box(
        face.x1 - 0.3 * face.width, face.y1 - 0.4 * face.height, face.x2 + 0.3 * face.width, face.y2 + 0.3 * face.height
    )


def people_of(portraits: Sequence[Portrait]) -> dict[Person, list[Portrait]]:
    """Portraits by their folder's name; people with enough of them to enroll and to film."""
    by_person = defaultdict(list)
    for portrait in portraits:
        by_person[portrait.path.parent.name].append(portrait)
    return {person: owned for person, owned in sorted(by_person.items()) if len(owned) > ENROLLED_PHOTOS}


class Studio:
    """Films scenes with one pipeline; the embedding of each photo is made once.

    Args:
        config: With identity, without emotion.
    """

    def __init__(self, config: Config, people: dict[Person, list[Portrait]]) -> None:
        self._people = people
        self._pipeline = building.build(config)
        folder, models = config.models.dir, config.models
        self._detector = Mtcnn(folder, config.detector)
        self._embedder = Embedder(Model(folder / models.identity))
        self._embeddings: dict[Path, NDArray[np.float32] | None] = {}
        self._clock_s = 0.0
        self._noise = np.random.default_rng(20).normal(0, 2.5, (SIZE[1], SIZE[0], 3)).astype(np.float32)

    def play(self, kind: str, seed: int, tally: Tally) -> None:
        """One scene, drawn by its seed; what went wrong is added to `tally`."""
        generator = np.random.default_rng((20, seed, list(SCRIPTS).index(kind)))
        order = [str(name) for name in generator.permutation(list(self._people))]
        first, second = order[:2]
        enrolled = order[:GALLERY] if generator.integers(2) else [first, *order[2 : GALLERY + 1]]
        cast = Cast(
            (first, second),
            (self._people[first][-1], self._people[second][-1]),
            _pair(generator.uniform(75, 120, 2)),
            _pair(generator.uniform(0, 6, 2)),
        )
        self._pipeline.use_gallery(self._gallery(enrolled))
        self._pipeline.end_tracks()
        self._clock_s += 100
        books = _Scene(tally)
        background = scenes.wall(SIZE, generator)
        for seq in range(round(DURATION_S * FPS)):
            at_s = seq / FPS
            stands = SCRIPTS[kind](at_s, cast)
            rgb = self._filmed(scenes.draw(background, list(stands.values())), seq)
            seen = self._pipeline.process(Frame(rgb, seq, self._clock_s + at_s, datetime.now(timezone.utc)))
            books.see(at_s, stands, hidden_people(stands), seen)
        tally.scenes += 1
        tally.scenes_with_late += books.late

    def _filmed(self, drawn: NDArray[np.float32], seq: int) -> NDArray[np.uint8]:
        """With the noise of frame `seq`: one picture of noise, shifted, for a new one would take most of the time."""
        noise = np.roll(self._noise, (seq * 37, seq * 91), axis=(0, 1))
        return np.asarray(np.clip(drawn + noise, 0, 255), np.uint8)

    def _gallery(self, enrolled: Sequence[Person]) -> Gallery:
        gallery = Gallery(self._embedder.model.manifest.sha256)
        for person in enrolled:
            made = [self._embedding(portrait.path) for portrait in self._people[person][:ENROLLED_PHOTOS]]
            rows = [embedding for embedding in made if embedding is not None]
            if rows:
                gallery = gallery.enrolled(person, np.stack(rows))
        return gallery

    def _embedding(self, path: Path) -> NDArray[np.float32] | None:
        """Of the photo's largest face; None where none is found."""
        if path not in self._embeddings:
            rgb = enrollment.read_photo(path)
            face = largest_face(self._detector.detect(rgb))
            self._embeddings[path] = self._embedder.embed(rgb, face.landmarks) if face else None
        return self._embeddings[path]


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def report(tallies: dict[str, Tally]) -> Iterator[str]:
    """A line for each kind, and one for all."""
    total = Tally()
    for tally in tallies.values():
        for name in Tally.__slots__:
            setattr(total, name, getattr(total, name) + getattr(tally, name))
    for kind, tally in {**tallies, "all": total}.items():
        yield (
            f"{kind:16} {tally.scenes:4} scenes: right name {tally.named_s:7.1f} of {tally.present_s:7.1f} s in view, "
            f"wrong name {tally.wrong_s:6.1f} s, later than {ALLOWED_S:.0f} s {tally.late_wrong_s:6.1f} s in "
            f"{tally.scenes_with_late} scenes, {tally.switches} id switches, {tally.fragments} fragmentations"
        )


def main() -> int:
    """Film the scenes and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--scenes", type=at_least_one, default=1000, help="in all (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first scene of each kind")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        portraits = [portrait for path in args.photos for portrait in scenes.photos(path, Path(folder))]
        people = people_of(list({portrait.path: portrait for portrait in portraits}.values()))
        flags = {"emotion.enabled": False, "pipeline.target_fps": 0.1, "identity.gallery": str(Path(folder, "none"))}
        studio = Studio(loading.load(None, flags), people)
        tallies = {kind: Tally() for kind in SCRIPTS}
        for number in range(args.scenes):
            kind = list(SCRIPTS)[number % len(SCRIPTS)]
            studio.play(kind, args.seed + number // len(SCRIPTS), tallies[kind])
    for line in report(tallies):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
