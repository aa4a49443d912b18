"""The demo from end to end: clip, broker, enrollment, the daemon as a process, what a server receives, the verdict."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from edge_fer.config import loading, sources
from edge_fer.config.schema import Config, MqttConfig
from edge_fer.demo import broker, show
from edge_fer.demo.measure import Measurement
from edge_fer.demo.process import DaemonProcess
from edge_fer.demo.replay import replay
from edge_fer.demo.verdict import Reception, Run, problems
from edge_fer.identity import enrollment
from edge_fer.mqtt.subscriber import Subscriber
from edge_fer.protocol.messages import ReceivedMessage
from edge_fer.protocol.payloads import AvailabilityPayload, EmotionPayload, FacePayload, HealthPayload, SystemPayload
from edge_fer.protocol.topics import Topics
from edge_fer.samples import clip, scene
from edge_fer.samples.portraits import PORTRAITS

_LONGEST_S = 300.0
"""A Raspberry Pi 3 takes about a minute for the clip."""
_OFFLINE_WAIT_S = 2.0
"""How long "offline" is waited for once the process has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of the demo.

    Attributes:
        problems: What was not as it must be, one line each.
    """

    reception: Reception
    measured: Measurement
    run: Run
    problems: tuple[str, ...]


def demo(folder: Path, address: tuple[str, int] | None, console: Console) -> int:
    """Run the demo and print the summary.

    Returns:
        0 when everybody was recognized and nothing was lost, else 1.

    Raises:
        EdgeFerError: As `perform`.
    """
    outcome = perform(folder, address, console)
    console.print(show.summary(outcome.reception, outcome.measured, outcome.run))
    show.verdict(console, outcome.problems, folder)
    return 1 if outcome.problems else 0


def perform(folder: Path, address: tuple[str, int] | None, console: Console) -> Outcome:
    """Make the clip, enroll, run the daemon on the clip, receive its messages, and measure.

    Args:
        folder: Where clip, config, gallery, log and pictures go.
        address: A broker's host and port; None takes that of ``EDGE_FER__MQTT__HOST``, or starts one.
        console: Where progress and events are printed.

    Raises:
        EdgeFerError: Something that the demo needs is missing or fails.
    """
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(_progress(console))
        source = clip.ensure(folder, _counter(progress, "making the clip"))
        mqtt = stack.enter_context(_broker(address))
        config_path = _write_config(folder, source, mqtt)
        config = loading.load(config_path)
        console.print(f"Broker {mqtt.host}:{mqtt.port}, topics {_topics(config).wildcard}", soft_wrap=True)
        _enroll(config, console)
        reception, run = _watch_daemon(config, config_path, progress)
        measured = replay(config, folder, _counter(progress, "measuring and drawing"))
    expected = [portrait.subject for portrait, _ in scene.VISITS]
    return Outcome(reception, measured, run, problems(reception, expected, measured, run))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _counter(progress: Progress, title: str) -> Callable[[int, int], None]:
    """A progress bar that is drawn once there is something to count."""
    task = progress.add_task(title, start=False, visible=False)

    def advance(done: int, total: int) -> None:
        progress.start_task(task)
        progress.update(task, completed=done, total=total, visible=done < total)

    return advance


@contextlib.contextmanager
def _broker(address: tuple[str, int] | None) -> Iterator[MqttConfig]:
    """The broker that is configured, else one of our own."""
    flags: dict[str, object] = {"mqtt.host": address[0], "mqtt.port": address[1]} if address else {}
    if address or f"{sources.ENVIRONMENT_PREFIX}MQTT__HOST" in os.environ:
        yield loading.load(None, flags).mqtt
        return
    with broker.running() as port:
        yield MqttConfig(host=broker.HOST, port=port, protocol="3.1.1")  # all that amqtt supports


def _write_config(folder: Path, source: Path, mqtt: MqttConfig) -> Path:
    """config.yaml for the daemon, beside the clip, and no gallery of an earlier demo."""
    settings = {
        "device": {"site": "demo", "name": "demo"},
        "camera": {"source": str(source.resolve()), "pace": "fast"},
        "identity": {"gallery": "gallery.npz"},
        "mqtt": mqtt.model_dump(mode="json"),
        "health": {"interval_s": 1},
    }
    path = folder / "config.yaml"
    path.write_text("# Written by edge-fer demo at every run.\n" + yaml.safe_dump(settings, sort_keys=False))
    (folder / "gallery.npz").unlink(missing_ok=True)
    return path


def _enroll(config: Config, console: Console) -> None:
    for portrait in PORTRAITS:
        (photo,) = enrollment.enroll(config, portrait.subject, [portrait.path])
        console.print(
            f"Enrolled {portrait.subject} from {portrait.path.name}: a face of {photo.quality.face_px:.0f} px"
        )


def _watch_daemon(config: Config, config_path: Path, progress: Progress) -> tuple[Reception, Run]:
    """Start the daemon and collect everything it publishes until it has ended."""
    bar = progress.add_task("the daemon at work", total=scene.FRAMES)
    printer = _Printer(progress.console, lambda frames: progress.update(bar, completed=frames))
    with (
        Subscriber(config.mqtt, _topics(config)) as subscriber,
        DaemonProcess(config_path, config_path.with_name("daemon.log")) as daemon,
    ):
        messages: list[ReceivedMessage] = []
        deadline_s = time.monotonic() + _LONGEST_S
        while time.monotonic() < deadline_s and not _went_offline(messages):
            if not daemon.watch():
                deadline_s = min(deadline_s, time.monotonic() + _OFFLINE_WAIT_S)
            message = subscriber.receive(timeout_s=0.1)
            if message and not message.retained:  # what is retained is of an earlier run
                messages.append(message)
                printer.show(message)
        run = daemon.stop()
    progress.update(bar, visible=False)
    return Reception(tuple(messages), subscriber.rejected.total(), subscriber.last_rejection), run


def _topics(config: Config) -> Topics:
    return Topics(config.device.site, config.device.name)


def _went_offline(messages: list[ReceivedMessage]) -> bool:
    last = messages[-1].payload if messages else None
    return isinstance(last, AvailabilityPayload) and not last.online


class _Printer:
    """Prints events in the order of their arrival, and counts frames by the health messages."""

    def __init__(self, console: Console, on_frames: Callable[[int], None]) -> None:
        self._console = console
        self._on_frames = on_frames
        self._first_at: datetime | None = None

    def show(self, message: ReceivedMessage) -> None:
        payload = message.payload
        if isinstance(payload, HealthPayload):
            self._on_frames(payload.frames)
        elif isinstance(payload, FacePayload | EmotionPayload | SystemPayload):
            if self._first_at is None:
                self._first_at = payload.ts
                self._console.print(show.header())
            row = show.event_row(payload, (payload.ts - self._first_at).total_seconds())
            self._console.print(row, soft_wrap=True)
