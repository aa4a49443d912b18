"""What Linux reports about this machine: memory, temperature, throttling.

Sources: Linux's proc(5) and sysfs thermal zones; the Raspberry Pi firmware's get_throttled bits
(https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd).
"""

from __future__ import annotations

import os
from pathlib import Path

_THROTTLED_NOW = 0xF  # under-voltage, capped, throttled, soft temperature limit; the higher bits are history


def rss_bytes(root: Path = Path("/")) -> int:
    """Resident memory of this process."""
    resident_pages = (root / "proc/self/statm").read_text().split()[1]
    return int(resident_pages) * os.sysconf("SC_PAGE_SIZE")


def temperature_c(root: Path = Path("/")) -> float | None:
    """Temperature of the thermal zone named after the processor, else of the first one; None where there is none."""
    zones = sorted(root.glob("sys/class/thermal/thermal_zone*"))
    by_type = [(_read(zone / "type"), zone) for zone in zones]
    named = [zone for kind, zone in by_type if kind and "cpu" in kind.lower()]
    for zone in named or zones[:1]:
        text = _read(zone / "temp")
        if text and text.lstrip("-").isdigit():
            return int(text) / 1000
    return None


def throttled(root: Path) -> bool | None:
    """Whether a Raspberry Pi slows itself down now, for heat or a weak power supply; None on other machines."""
    for path in root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        text = _read(path)
        if text:
            return bool(int(text, 16) & _THROTTLED_NOW)
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:  # absent, or a sensor that is switched off
        return None
