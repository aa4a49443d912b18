"""Where each message goes, and how: topic, QoS, retention, expiry.

Nothing that names a person is ever part of a topic, and nothing that names a person is ever retained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "edge_fer"
ONLINE = "online"
OFFLINE = "offline"

EVENT_EXPIRY_S = 24 * 3600
"""How long an MQTT 5 broker keeps an event for a server that is away."""

_ID = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message on its way.

    Attributes:
        payload: Fields of a JSON object, or plain text.
        qos: 1 is sent until the broker has it; 0 is sent once, and only while connected.
        retain: The broker keeps the last one for those who subscribe later.
        expiry_s: MQTT 5 message expiry, or None for never.
    """

    topic: str
    payload: Mapping[str, Any] | str
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None


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
            if not _ID.fullmatch(value):
                raise ValueError(f"site and device are made of a-z, 0-9 and '-', got {value!r}")

    @property
    def root(self) -> str:
        return f"{PREFIX}/{self.site}/{self.device}"

    @property
    def everything(self) -> str:
        """Filter for all that the device says."""
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
        """The same after every restart, so that a broker ends the old connection before it accepts the new one.

        With another id at each start, the will of a half-open old connection would say offline minutes after we came
        back.
        """
        return f"{PREFIX}.{self.site}.{self.device}"

    def is_online(self, online: bool) -> Message:
        """The availability message; `is_online(False)` is also the will."""
        return Message(self.availability, ONLINE if online else OFFLINE, retain=True)
