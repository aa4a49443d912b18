"""Who is compared with whom: every contender's environment, detector and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the tables.

    Attributes:
        environment: Of `environments`, or None for ours: the Python that runs the benchmark.
        detector: Name in `detectors.DETECTORS`.
        against: Name of the contender of ours that its ratio is to; None for those.
        remark: What the reader must know to read the row.
    """

    name: str
    environment: str | None
    detector: str
    options: Mapping[str, object] = field(default_factory=dict)
    against: str | None = None
    remark: str = ""


OURS_40, OURS_20 = "edge_fer, min face 40", "edge_fer, min face 20"

STILLS = (
    Contender(OURS_40, None, "edge_fer", {"min_face_px": 40}),
    Contender(OURS_20, None, "edge_fer", {"min_face_px": 20}),
    Contender("mtcnn 1.0.0", "mtcnn", "mtcnn", {"min_face_px": 20}, OURS_20, "its default, min face 20"),
    Contender("facenet-pytorch", "facenet_pytorch", "facenet_pytorch", {"min_face_px": 40}, OURS_40, "min face 40"),
    Contender("fer", "fer", "fer", {"mtcnn": False}, OURS_40, "its default: Haar, min face 50, emotions included"),
    Contender("fer, MTCNN", "fer", "fer", {"mtcnn": True}, OURS_20, "min face 20, emotions included"),
    Contender("OpenCV Haar", "opencv_haar", "opencv_haar", {"min_face_px": 40}, OURS_40, "min face 40"),
    Contender("MediaPipe, full range", "mediapipe", "mediapipe", {}, OURS_40, "has no smallest face"),
    Contender("deepface", "deepface", "deepface", {"backend": "opencv"}, OURS_40, "its default: Haar, no emotions"),
)
"""Found on single frames; `against` has the same smallest face, as far as the contender lets one choose."""

EVERY_FRAME, FOLLOWING = "edge_fer, every frame searched", "edge_fer, following"
WITH_EMOTION = "edge_fer, following, with emotion"
WITH_BOTH = "edge_fer, following, with emotion and identity"
MEDIAPIPE = "MediaPipe, full range"


def _pipeline(name: str, *, emotion: bool, identity: bool, search_interval_s: float) -> Contender:
    options = {"emotion": emotion, "identity": identity, "search_interval_s": search_interval_s}
    return Contender(name, None, "edge_fer_pipeline", options)


CLIP = (
    _pipeline(EVERY_FRAME, emotion=False, identity=False, search_interval_s=0),
    _pipeline(FOLLOWING, emotion=False, identity=False, search_interval_s=0.5),
    _pipeline(WITH_EMOTION, emotion=True, identity=False, search_interval_s=0.5),
    _pipeline(WITH_BOTH, emotion=True, identity=True, search_interval_s=0.5),
    Contender(MEDIAPIPE, "mediapipe", "mediapipe"),
)
"""Followed over a clip of people who move; the whole pipeline of ours, which is more than MediaPipe does."""
