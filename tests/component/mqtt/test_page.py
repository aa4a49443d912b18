"""docs/mqtt.md holds: its examples fit the schemas, its commands and code run, and it names every field."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.codec import decode, to_json
from edge_fer.protocol.event_stream import EventStream
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.payloads import MODELS
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S, Mosquitto, needs_mosquitto, wait_until
from tests.factories import face_event
from tests.subscriber import SCHEMAS, validate

PAGE = (Path(__file__).parents[3] / "docs/mqtt.md").read_text(encoding="utf-8")
TOPICS = Topics("school-7", "room-b204")
BUILDER = MessageBuilder(TOPICS, {}, is_synced=lambda: True)


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("json"))
def test_an_example_fits_its_schema(text: str) -> None:
    """As it stands on the page."""
    validate(json.loads(text))


@pytest.mark.parametrize("text", blocks("json"))
def test_an_example_is_what_the_models_write(text: str) -> None:
    """The same fields and numbers, in the order of the wire."""
    payload = json.loads(text)
    kind = next(
        kind for kind in MODELS if kind.endswith(payload["schema"].removeprefix("edge_fer.").removesuffix("/1"))
    )
    written = to_json(decode(f"{TOPICS.root}/{kind}", text.encode()))
    assert json.dumps(json.loads(written)) == json.dumps(payload)


def test_every_schema_has_an_example() -> None:
    """And availability its two words."""
    shown = {json.loads(text)["schema"].removeprefix("edge_fer.").removesuffix("/1") for text in blocks("json")}
    assert shown == {path.stem for path in SCHEMAS.glob("*.json")} - {"availability"}
    assert "`online`" in PAGE
    assert "`offline`" in PAGE


def fields(schema: dict[str, Any]) -> set[str]:
    """All field names of a schema, at every depth."""
    own = set(schema.get("properties", {}))
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return own.union(*(fields(part) for part in parts))


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_every_field_stands_on_the_page(path: Path) -> None:
    """What a server may receive, its programmer can look up."""
    missing = [name for name in fields(json.loads(path.read_text())) if name not in PAGE]
    assert missing == []


def test_every_topic_stands_on_the_page() -> None:
    """With the words that the table uses."""
    example = Topics("site", "device")
    for topic in (example.availability, example.status, example.health, example.face, example.emotion, example.system):
        assert f"`{topic.replace('/site/device/', '/<site>/<device>/')}`" in PAGE


def servers_code() -> Any:
    """The class on the page, as a server would use it."""
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)
    return names["EventStream"]()


def test_the_servers_code_counts_as_it_says() -> None:
    """Joined in the middle; twice the same event, a skipped number, a late one, a new boot whose first is lost."""
    stream = servers_code()
    first = {"id": "A", "boot_id": "x", "seq": 7}
    assert stream.is_new(first)
    assert not stream.is_new(first)
    assert stream.is_new({"id": "B", "boot_id": "x", "seq": 10})
    assert stream.missing == {("x", 8), ("x", 9)}
    assert stream.is_new({"id": "C", "boot_id": "x", "seq": 9})
    assert stream.is_new({"id": "D", "boot_id": "y", "seq": 2})
    assert stream.missing == {("x", 8), ("y", 1)}


@dataclass(frozen=True)
class Event:
    """What identifies an event."""

    id: str
    boot_id: str
    seq: int


@given(arrivals=st.lists(st.builds(Event, st.sampled_from("ABCDEFGH"), st.sampled_from("xyz"), st.integers(1, 12))))
def test_the_servers_code_and_ours_agree(arrivals: list[Event]) -> None:
    """Whatever arrives, in whatever order: the page and edge_fer.protocol.event_stream have one rule."""
    theirs, ours = servers_code(), EventStream()
    for event in arrivals:
        assert theirs.is_new(asdict(event)) == ours.is_new(event)
        assert len(theirs.missing) == ours.missing


@needs_mosquitto
@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="mosquitto_sub is not installed (mosquitto-clients)")
def test_the_subscription_receives_an_event(mosquitto: Mosquitto) -> None:
    """The command as printed, with the test's broker for the example's."""
    (command,) = blocks("sh")
    words = shlex.split(command.replace("-h broker.example", f"-h 127.0.0.1 -p {mosquitto.port} -C 1 -W 10"))
    one = Publisher(mosquitto.config, TOPICS, gap_message=BUILDER.gap)
    one.start()
    try:
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as subscriber:
            while subscriber.poll() is None:
                one.publish(BUILDER.event(face_event()))
                with_pause(subscriber)
            assert subscriber.stdout is not None
            topic, payload = subscriber.stdout.readline().split(" ", 1)
    finally:
        one.stop(2.0)
    assert topic == TOPICS.face
    validate(json.loads(payload))


def with_pause(process: subprocess.Popen[str]) -> None:
    """Wait a little for its end."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


@needs_mosquitto
@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="mosquitto_passwd is not installed")
def test_the_access_list_keeps_devices_apart(tmp_path: Path) -> None:
    """A device may write as itself; as another one it is refused."""
    (rules,) = blocks("acl")
    passwords, acl, secret = tmp_path / "passwords", tmp_path / "acl", tmp_path / "secret"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "room-b204", "s3cret"], check=True, timeout=WAIT_S)
    acl.write_text(rules)
    acl.chmod(0o600)
    secret.write_text("s3cret\n")
    with Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}") as broker:
        settings = broker.config.model_copy(update={"username": "room-b204", "password_file": secret})
        for device, counter in (("room-b204", "acked"), ("room-c1", "refused")):
            builder = MessageBuilder(Topics("school-7", device), {})
            one = Publisher(settings, builder.topics, gap_message=builder.gap)
            one.start()
            try:
                one.publish(builder.event(face_event()))
                wait_until(lambda one=one, counter=counter: one.readings()[counter] == 1)  # type: ignore[misc]
            finally:
                one.stop(2.0)
