"""Where messages go."""

from __future__ import annotations

import pytest

from edge_fer.protocol.topics import Topics

TOPICS = Topics("school-7", "room-b204")


@pytest.mark.parametrize(("site", "device"), [("School", "a"), ("a", "b/c"), ("", "a"), ("a", "#"), ("a", "b\n")])
def test_ids_that_make_no_topic_are_refused(site: str, device: str) -> None:
    """Lower case, digits and hyphens; a wildcard or slash would change what a topic means."""
    with pytest.raises(ValueError, match="site and device"):
        Topics(site, device)


def test_all_topics_lie_below_the_device() -> None:
    """One filter catches them all."""
    topics = [TOPICS.availability, TOPICS.status, TOPICS.health, TOPICS.face, TOPICS.emotion, TOPICS.system]
    assert TOPICS.wildcard == "edge_fer/school-7/room-b204/#"
    assert all(topic.startswith(f"{TOPICS.root}/") for topic in topics)


def test_no_two_devices_share_a_client_id() -> None:
    """The separator is no part of an id: a-b/c is not a/b-c."""
    assert Topics("a-b", "c").client_id != Topics("a", "b-c").client_id
