"""The topics of one device.

Nothing that names a person is ever part of a topic, and nothing that names a person is ever retained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_fer.protocol.messages import Message

PREFIX = "edge_fer"
ONLINE = "online"
OFFLINE = "offline"
_ID = re.compile(r"[a-z0-9-]+")


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
    def wildcard(self) -> str:
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

    def availability_message(self, *, online: bool) -> Message:
        """The availability message; `availability_message(online=False)` is also the will."""
        return Message(self.availability, ONLINE if online else OFFLINE, retain=True)
