"""The configuration: every key with its default and its limits, in one frozen, validated object.

Unknown keys are errors, and every number is bounded.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_PACKAGE = Path(__file__).parents[1]
_INSTALLED_MODELS = _PACKAGE / "models"
DEFAULT_MODELS = _INSTALLED_MODELS if _INSTALLED_MODELS.is_dir() else _PACKAGE.parent / "models"
"""The models of the installed package, or those of the repository that it runs from."""


def _beside_config_file(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / path.expanduser()


TopicId = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=64)]
FilePath = Annotated[Path, AfterValidator(_beside_config_file)]
Probability = Annotated[float, Field(ge=0, le=1)]
Cosine = Annotated[float, Field(ge=-1, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DeviceConfig(_Section):
    """Where this device is; both are levels of every MQTT topic."""

    site: TopicId = "site-1"
    name: TopicId = "room-1"


class CameraConfig(_Section):
    """Where the frames come from.

    Attributes:
        source: A device (``/dev/v4l/by-id/…``, ``/dev/video0``), a video file, or a folder of images.
        pace: Of a file: "realtime" plays by its own timestamps, "fast" as fast as it can be processed.
        retry_s: Longest pause between two attempts to open a missing camera.
    """

    source: str = "/dev/video0"
    width_px: Annotated[int, Field(ge=160, le=7680)] = 640
    height_px: Annotated[int, Field(ge=120, le=4320)] = 480
    fps: Annotated[float, Field(gt=0, le=240)] = 15
    pace: Literal["realtime", "fast"] = "realtime"
    retry_s: Annotated[float, Field(ge=1, le=600)] = 10


class ModelsConfig(_Section):
    """Which models run; each file has its manifest next to it.

    Attributes:
        dir: Folder of the files named here, and of pnet.tflite, rnet.tflite and onet.tflite.
        threads: XNNPACK threads of each model; null leaves one core free for everything else.
    """

    dir: FilePath = DEFAULT_MODELS
    identity: str = "identity.tflite"
    emotion: str = "emotion.tflite"
    threads: Annotated[int, Field(ge=1, le=16)] | None = None

    @property
    def thread_count(self) -> int:
        """The number of threads to use; more than four gain nothing with networks of this size."""
        return self.threads or max(1, min(4, (os.cpu_count() or 1) - 1))


class DetectorConfig(_Section):
    """MTCNN.

    Attributes:
        min_face_px: Smallest face looked for; the cost of a frame falls with its square.
        scale_factor: Ratio of one pyramid level to the next; 0.709 halves the area (Zhang et al. 2016).
        thresholds: Scores that a candidate needs in P-Net, R-Net and O-Net.
            Source: the defaults of the mtcnn package 1.0.0.
        search_interval_s: Longest time between two searches of the whole frame; in between, faces are followed.
            0 searches every frame.
        region: Part of the frame that is searched, as x1, y1, x2, y2 in [0, 1]; null is the whole frame. A face that
            leaves it is still followed.
    """

    min_face_px: Annotated[int, Field(ge=20, le=1000)] = 40
    scale_factor: Annotated[float, Field(ge=0.5, le=0.9)] = 0.709
    thresholds: tuple[Probability, Probability, Probability] = (0.6, 0.7, 0.8)
    search_interval_s: Annotated[float, Field(ge=0, le=10)] = 0.5
    region: tuple[Probability, Probability, Probability, Probability] | None = None

    @model_validator(mode="after")
    def _region_has_area(self) -> DetectorConfig:
        if self.region and not (self.region[0] < self.region[2] and self.region[1] < self.region[3]):
            raise ValueError("region must be [x1, y1, x2, y2] with x1 < x2 and y1 < y2")
        return self


class TrackingConfig(_Section):
    """When a visit begins, and when it is over.

    Attributes:
        confirm_hits: Detections that confirm a track.
        confirm_score: Score that the last of them, or a later one, needs. Of 399 LFW faces found, 398 reach 0.95 in
            their only picture; of the false detections on the demo's clip none does.
        max_missed_s: How long a confirmed track outlives its last detection.
        min_iou: Least overlap of a detection with the box where a track is expected.
    """

    confirm_hits: Annotated[int, Field(ge=1, le=30)] = 3
    confirm_score: Probability = 0.95
    max_missed_s: Annotated[float, Field(gt=0, le=60)] = 1.5
    min_iou: Annotated[float, Field(gt=0, lt=1)] = 0.3


class QualityConfig(_Section):
    """Faces outside these limits are tracked but neither identified nor classified.

    Attributes:
        min_face_px: Smallest mean side of the box.
        min_sharpness: Least sharpness in [0, 1].
        max_yaw_deg: Largest head turn.
    """

    min_face_px: Annotated[float, Field(ge=0, le=1000)] = 24
    min_sharpness: Probability = 0.05
    max_yaw_deg: Annotated[float, Field(gt=0, le=90)] = 50


class PipelineConfig(_Section):
    """How much work a frame may take; docs/performance.md says what is given up under overload.

    Attributes:
        target_fps: Frame rate that the work is planned for.
        cpu_budget: Share of the time between two frames that the pipeline may use.
    """

    target_fps: Annotated[float, Field(gt=0, le=240)] = 15
    cpu_budget: Annotated[float, Field(ge=0.05, le=1)] = 0.7


class IdentityConfig(_Section):
    """Recognition of enrolled people.

    Attributes:
        gallery: File of the enrolled people.
        threshold: Least cosine of a match; null takes the threshold measured for the model.
        min_margin: Lead in cosine that the best match needs over the second.
        min_votes: Embeddings that the first decision needs.
        max_attempts: Embeddings of a track that stays unknown, at most.
        interval_s: Least time between two embeddings of one track.
        head: File in models.dir of a closed-set classifier on the same embeddings, used for faces that the gallery does
            not know; null for none. It cannot answer "unknown" and tends to recognize its people in everybody.
        head_confidence: Mean probability that a name from the head needs.
    """

    enabled: bool = True
    gallery: FilePath = Path("gallery.npz")
    threshold: Cosine | None = None
    min_margin: Annotated[float, Field(ge=0, le=1)] = 0.01
    min_votes: Annotated[int, Field(ge=1, le=20)] = 3
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 12
    interval_s: Annotated[float, Field(ge=0, le=60)] = 0.1
    head: str | None = None
    head_confidence: Probability = 0.95

    @model_validator(mode="after")
    def _votes_fit_the_budget(self) -> IdentityConfig:
        if self.min_votes > self.max_attempts:
            raise ValueError(f"min_votes ({self.min_votes}) must not be above max_attempts ({self.max_attempts})")
        return self


EMOTION_PRESETS: dict[str, tuple[str, ...]] = {
    "esi": ("angry", "happy", "neutral", "sad", "tired"),
    "basic": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
}


class EmotionConfig(_Section):
    """Classification of emotions.

    Attributes:
        labels: "all" that the model has, "esi" (angry happy neutral sad tired), "basic" (FER2013's seven), or a list.
        window_s: Time over which the classifications of a track are averaged.
        refresh_s: Age at which a track is classified again; with many faces it may get older.
        min_confidence: Probability below which no label is given; null takes the threshold measured for the model.
        min_dwell_s: Least time that a label stays once it is given.
    """

    enabled: bool = True
    labels: Literal["all", "esi", "basic"] | tuple[str, ...] = "all"
    window_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    refresh_s: Annotated[float, Field(gt=0, le=60)] = 0.2
    min_confidence: Probability | None = None
    min_dwell_s: Annotated[float, Field(ge=0, le=60)] = 0.8


class MqttConfig(_Section):
    """The MQTT broker.

    Attributes:
        protocol: "auto" uses MQTT 5 where the broker supports it, else 3.1.1.
        password_file: File whose first line is the password; config.yaml never contains it.
        insecure_plaintext: Allow a broker on another machine without TLS.
        queue_limit: Events kept while the broker is away; the oldest are dropped first.
    """

    host: Annotated[str, Field(min_length=1)] = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: str | None = None
    password_file: FilePath | None = None
    tls: bool = False
    ca_file: FilePath | None = None
    insecure_plaintext: bool = False
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    queue_limit: Annotated[int, Field(ge=10, le=100_000)] = 1000

    @model_validator(mode="after")
    def _plaintext_only_to_loopback(self) -> MqttConfig:
        if not (self.tls or self.insecure_plaintext or self.host in LOOPBACK_HOSTS):
            raise ValueError(
                f"names and emotions would go to {self.host} without encryption: set mqtt.tls: true, or "
                "mqtt.insecure_plaintext: true on a network that nobody else uses"
            )
        return self


class EventsConfig(_Section):
    """How often a face that stays is reported again.

    Attributes:
        heartbeat_s: Longest time without an event about a face that is present.
    """

    heartbeat_s: Annotated[float, Field(ge=0.5, le=3600)] = 5


class HealthConfig(_Section):
    """How often the device reports its state.

    Attributes:
        interval_s: Time between two health messages.
    """

    interval_s: Annotated[float, Field(ge=1, le=3600)] = 30


class LogConfig(_Section):
    """What is logged to standard error, or to the journal under systemd."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section):
    """All of config.yaml."""

    device: DeviceConfig = DeviceConfig()
    camera: CameraConfig = CameraConfig()
    models: ModelsConfig = ModelsConfig()
    detector: DetectorConfig = DetectorConfig()
    tracking: TrackingConfig = TrackingConfig()
    pipeline: PipelineConfig = PipelineConfig()
    quality: QualityConfig = QualityConfig()
    identity: IdentityConfig = IdentityConfig()
    emotion: EmotionConfig = EmotionConfig()
    mqtt: MqttConfig = MqttConfig()
    events: EventsConfig = EventsConfig()
    health: HealthConfig = HealthConfig()
    log: LogConfig = LogConfig()
