"""One face detector each, behind one call: how every contender is built and asked.

Runs in the contender's own environment, which has numpy and the contender and need not have edge_fer; so all of them
are imported by name, when they are asked for. Each maker takes the contender's options and returns what finds faces.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Boxes = list[list[float]]
"""x1, y1, x2, y2 in frame pixels, one list a face."""

Detector = Callable[[Rgb, float], Boxes]
"""Finds the faces of a frame, uint8 (H, W, 3) RGB, that was taken at a monotonic second."""

Options = dict[str, Any]

_HAAR_SCALE, _HAAR_NEIGHBORS = 1.1, 5
"""Source: the defaults of fer 25.10, which are those of most tutorials."""


def edge_fer(options: Options) -> Detector:
    """Our cascade on every frame."""
    _one_opencv_thread()
    schema = import_module("edge_fer.config.schema")
    detector_config = schema.DetectorConfig(min_face_px=options["min_face_px"])
    detector = import_module("edge_fer.vision.mtcnn").Mtcnn(schema.DEFAULT_MODELS, detector_config)
    return lambda rgb, _: [list(found.box.xyxy().tolist()) for found in detector.detect(rgb)]


def edge_fer_pipeline(options: Options) -> Detector:
    """Our pipeline: search now and then, follow in between, emotion where asked for.

    A face counts as found in a frame when it was seen in it, believed or not yet.
    """
    _one_opencv_thread()
    flags = {"models.threads": 1, "emotion.enabled": options["emotion"], "identity.enabled": options["identity"]}
    flags["detector.search_interval_s"] = options["search_interval_s"]
    flags["pipeline.target_fps"] = 1  # a budget so large that a busy machine gives nothing up
    config = import_module("edge_fer.config.loading").load(None, flags)
    pipeline = import_module("edge_fer.pipeline.building").build(config)
    frame_of = import_module("edge_fer.domain.faces").Frame
    datetime = import_module("datetime")
    wall_clock = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)

    def detect(rgb: Rgb, at_s: float) -> Boxes:
        observations = pipeline.process(frame_of(rgb, 0, at_s, wall_clock))
        seen = (observation.track.detection for observation in observations)
        return [list(detection.box.xyxy().tolist()) for detection in seen if detection]

    return detect


def mtcnn(options: Options) -> Detector:
    """The package mtcnn 1.0.0, on TensorFlow."""
    _one_tensorflow_thread()
    detector = import_module("mtcnn").MTCNN()
    return lambda rgb, _: [
        _xyxy(face["box"]) for face in detector.detect_faces(rgb, min_face_size=options["min_face_px"])
    ]


def facenet_pytorch(options: Options) -> Detector:
    """facenet-pytorch's MTCNN, on PyTorch."""
    _one_torch_thread()
    detector = import_module("facenet_pytorch").MTCNN(keep_all=True, min_face_size=options["min_face_px"])

    def detect(rgb: Rgb, _: float) -> Boxes:
        boxes = detector.detect(rgb)[0]
        return [] if boxes is None else [[float(side) for side in box] for box in boxes]

    return detect


def fer(options: Options) -> Detector:
    """fer, emotions included: it offers its detector only so."""
    _one_opencv_thread()
    _one_tensorflow_thread()
    if options["mtcnn"]:
        _one_torch_thread()
    detector = import_module("fer.fer").FER(mtcnn=options["mtcnn"])
    # it says BGR, and hands the frame as it is to an MTCNN that wants RGB: RGB serves both better
    return lambda rgb, _: [_xyxy(face["box"]) for face in detector.detect_emotions(rgb)]


def opencv_haar(options: Options) -> Detector:
    """OpenCV's frontal face cascade."""
    _one_opencv_thread()
    cv2: Any = import_module("cv2")
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
    smallest = (options["min_face_px"], options["min_face_px"])

    def detect(rgb: Rgb, _: float) -> Boxes:
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return [_xyxy(box) for box in cascade.detectMultiScale(gray, _HAAR_SCALE, _HAAR_NEIGHBORS, minSize=smallest)]

    return detect


def mediapipe(_: Options) -> Detector:
    """BlazeFace, full range, as its wheel carries it."""
    solution = import_module("mediapipe").solutions.face_detection.FaceDetection(model_selection=1)

    def detect(rgb: Rgb, _: float) -> Boxes:
        height, width = rgb.shape[:2]
        found = solution.process(rgb).detections or ()
        boxes = (face.location_data.relative_bounding_box for face in found)
        return [
            [box.xmin * width, box.ymin * height, (box.xmin + box.width) * width, (box.ymin + box.height) * height]
            for box in boxes
        ]

    return detect


def deepface(options: Options) -> Detector:
    """deepface's detection with one of its back ends; its emotion weights come from the network, so without emotion."""
    _one_opencv_thread()
    backend = options["backend"]
    extract = import_module("deepface.DeepFace").extract_faces

    def detect(rgb: Rgb, _: float) -> Boxes:
        faces = extract(rgb[..., ::-1], detector_backend=backend, enforce_detection=False)
        areas = (face["facial_area"] for face in faces if face["confidence"] > 0)  # 0 marks "the whole picture"
        return [_xyxy([area[side] for side in "xywh"]) for area in areas]

    return detect


DETECTORS: dict[str, Callable[[Options], Detector]] = {
    maker.__name__: maker
    for maker in (edge_fer, edge_fer_pipeline, mtcnn, facenet_pytorch, fer, opencv_haar, mediapipe, deepface)
}


def _xyxy(xywh: Any) -> list[float]:
    x, y, width, height = (float(side) for side in xywh)
    return [x, y, x + width, y + height]


def _one_opencv_thread() -> None:
    import_module("cv2").setNumThreads(1)


def _one_tensorflow_thread() -> None:
    threading = import_module("tensorflow").config.threading
    threading.set_intra_op_parallelism_threads(1)
    threading.set_inter_op_parallelism_threads(1)


def _one_torch_thread() -> None:
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    import_module("benchmarks.peers.torchvision_nms").ensure()
