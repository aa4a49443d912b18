"""What an event costs on its way to the wire and back, in processor time: on a busy machine, too.

python -m benchmarks.messages
"""

from __future__ import annotations

import json
import sys
import time
import timeit
from collections.abc import Callable
from datetime import datetime, timezone

from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.domain.events import FaceEvent, FaceEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Quality
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.codec import decode, encode
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.topics import Topics
from edge_fer.tflite import manifest

_COUNT = 2000
_ROUNDS = 7

EVENT = FaceEvent(
    FaceEventType.UPDATE,
    track_id=93,
    at=datetime(2026, 11, 20, 9, 14, 3, 412_000, tzinfo=timezone.utc),
    box=(0.412, 0.233, 0.061, 0.108),
    quality=Quality(71.4, 0.8231, 9.2),
    identity=Identity(IdentityState.KNOWN, "ada", 0.9531, 0.0712, 4),
    emotion=Emotion(EmotionState.OK, "happy", {"angry": 0.02, "happy": 0.71, "neutral": 0.2, "sad": 0.07}, 1.0),
)


def main() -> None:
    """Print the least time of some rounds."""
    models = {task: manifest.load(DEFAULT_MODELS / f"{task}.tflite") for task in ("identity", "emotion")}
    builder = MessageBuilder(Topics("school-7", "room-b204"), models)
    message = Entry(4182, builder.event(EVENT, latency_ms=143.0)).numbered()
    data = encode(message)
    steps: dict[str, Callable[[], object]] = {
        "build the message": lambda: builder.event(EVENT, latency_ms=143.0),
        "check and encode": lambda: encode(message),
        "json.dumps alone": lambda: json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")),
        "decode and check": lambda: decode(message.topic, data),
    }
    sys.stdout.write(f"a face event of {len(data)} bytes\n")
    for name, step in steps.items():
        spent_s = min(timeit.repeat(step, timer=time.thread_time, number=_COUNT, repeat=_ROUNDS))
        sys.stdout.write(f"{name:18} {spent_s / _COUNT * 1e6:6.1f} µs\n")


if __name__ == "__main__":
    main()
