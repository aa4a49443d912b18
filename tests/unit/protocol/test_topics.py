"""Where messages go."""

from __future__ import annotations

import re

import pytest

from edge_fer.protocol.topics import Topics, kind_of

TOPICS = Topics("school-7", "room-b204")


@pytest.mark.parametrize(("site", "device"), [("School", "a"), ("a", "b/c"), ("", "a"), ("a", "#"), ("a", "b\n")])
def test_ids_that_make_no_topic_are_refused(site: str, device: str) -> None:
    """Lower case, digits and hyphens; a wildcard or slash would change what a topic means."""
    with pytest.raises(ValueError, match="site and device"):
        Topics(site, device)


def test_all_topics_lie_below_the_device() -> None:
    """One filter matches them all."""
    topics = [TOPICS.availability, TOPICS.status, TOPICS.health, TOPICS.face, TOPICS.emotion, TOPICS.system]
    assert TOPICS.wildcard == "edge_fer/school-7/room-b204/#"
    assert all(topic.startswith(f"{TOPICS.root}/") for topic in topics)


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (TOPICS.face, "event/face"),
        (TOPICS.status, "status"),
        ("edge_fer/a/b/cmd/ping", "cmd/ping"),
        ("edge_fer/a/b", ""),
        ("edge_fer/a/b/", ""),
        ("", ""),
        ("///", ""),
    ],
)
def test_the_kind_is_what_stands_below_the_device(topic: str, kind: str) -> None:
    """Whatever somebody publishes."""
    assert kind_of(topic) == kind


def test_no_two_devices_share_a_client_id() -> None:
    """The separator cannot stand in a site or device: a-b/c is not a/b-c."""
    assert Topics("a-b", "c").client_id != Topics("a", "b-c").client_id


def test_a_client_id_is_accepted_by_nats() -> None:
    """It refuses dots, wildcards and blanks."""
    assert re.fullmatch(r"[a-z0-9_-]+", TOPICS.client_id)
