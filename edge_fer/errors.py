"""The errors that edge_fer raises, each with an exit code, a message, and a hint that says what to do next.

The exit codes are those of sysexits.h, so that the systemd unit can tell an error that a restart does not fix
(``RestartPreventExitStatus=65 66 78``) from one that it may fix.

    EdgeFerError              70
    ├── ConfigError           78  config.yaml, an environment variable or a flag is wrong
    ├── ModelError            65  model file missing, changed, or not what its manifest says
    ├── CameraError           74  camera or video not found, lost, or unreadable
    ├── BrokerError           69  MQTT broker unreachable, or it refuses the connection
    ├── PayloadError          65  an MQTT message that is not what docs/mqtt.md describes
    ├── GalleryError          66  gallery damaged, or made by another model
    ├── EnrollError           65  photo that cannot be used for enrollment
    ├── InferenceError        70  a model failed or gave an invalid result
    └── ConversionError       73  calibration or parity of a converted model failed
        └── SourceError       65  weights file missing, damaged, or of another network
"""

from __future__ import annotations

from typing import ClassVar


class EdgeFerError(Exception):
    """An error with a message for the user and a hint that says what to do next.

    Args:
        message: What is wrong, in one line, naming the file, key or address.
        hint: What to do next, in one line.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})"


class ConfigError(EdgeFerError):
    """config.yaml, an ``EDGE_FER__*`` variable or a flag is wrong."""

    exit_code = 78


class ModelError(EdgeFerError):
    """A model file is missing, changed, or not what its manifest says."""

    exit_code = 65


class CameraError(EdgeFerError):
    """A camera, video or image folder is missing, lost or unreadable."""

    exit_code = 74


class BrokerError(EdgeFerError):
    """The MQTT broker cannot be reached or refuses the connection."""

    exit_code = 69


class PayloadError(EdgeFerError):
    """An MQTT message that is not what docs/mqtt.md describes; it is counted and skipped, and ends nothing.

    Args:
        reason: Which kind of fault, one of a few; safe to count by.
        detail: What exactly, in one short line without the message's values.
    """

    exit_code = 65

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}", "docs/mqtt.md describes every message")
        self.reason = reason


class GalleryError(EdgeFerError):
    """The gallery file is damaged or belongs to another identity model."""

    exit_code = 66


class EnrollError(EdgeFerError):
    """A photo cannot be used for enrollment."""

    exit_code = 65


class InferenceError(EdgeFerError):
    """A model failed or gave an invalid result, such as NaN."""

    exit_code = 70


class ConversionError(EdgeFerError):
    """Calibration or the parity gate of a conversion failed."""

    exit_code = 73


class SourceError(ConversionError):
    """A weights file is missing, damaged, or of another network."""

    exit_code = 65
