"""The topics of one device.

No topic names a person, and no message that names a person is ever retained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "edge_fer"
ONLINE = "online"
OFFLINE = "offline"
ID_PATTERN = r"^[a-z0-9-]+$"
"""What site and device are made of."""


def kind_of(topic: str) -> str:
    """What a topic is about: all below site and device, such as "event/face"; empty where nothing is."""
    return topic.split("/", 3)[-1] if topic.count("/") >= 3 else ""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device.

    Args:
        site: `device.site` of config.yaml.
        device: `device.name` of config.yaml.
    """

    site: str
    device: str

    def __post_init__(self) -> None:
        for value in (self.site, self.device):
            if not re.fullmatch(ID_PATTERN, value):
                raise ValueError(f"site and device are made of a-z, 0-9 and '-', got {value!r}")

    @property
    def root(self) -> str:
        return f"{PREFIX}/{self.site}/{self.device}"

    @property
    def wildcard(self) -> str:
        """Topic filter that matches everything the device publishes."""
        return f"{self.root}/#"

    @property
    def availability(self) -> str:
        return f"{self.root}/availability"

    @property
    def status(self) -> str:
        return f"{self.root}/status"

    @property
    def health(self) -> str:
        return f"{self.root}/health"

    @property
    def face(self) -> str:
        return f"{self.root}/event/face"

    @property
    def emotion(self) -> str:
        return f"{self.root}/event/emotion"

    @property
    def system(self) -> str:
        return f"{self.root}/event/system"

    @property
    def client_id(self) -> str:
        """The device's MQTT client id: no dot, which NATS refuses, and "_", which no site or device contains.

        It is the same after every restart, so that a broker ends the old connection before it accepts the new one.
        With another id at each start, the will of a half-open old connection would say offline minutes after the
        restart.
        """
        return f"{PREFIX}_{self.site}_{self.device}"
