"""edge-fer run: from its flags to the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_fer import cli
from edge_fer.config.schema import Config


def test_flags_reach_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flags of edge-fer run override config.yaml; without them it applies."""
    from edge_fer.service import daemon  # noqa: PLC0415

    seen: list[Config] = []

    class Spy:
        def __init__(self, config: Config) -> None:
            seen.append(config)

        def run(self) -> int:
            return 0

    monkeypatch.setattr(daemon, "Daemon", Spy)
    path = tmp_path / "config.yaml"
    path.write_text("camera: {source: a.avi, pace: fast}\nlog: {level: error}\n")
    assert cli.main(["run", "--config", str(path), "--source", "b.avi", "--log-level", "warning"]) == 0
    (config,) = seen
    assert (config.camera.source, config.camera.pace, config.log.level) == ("b.avi", "fast", "warning")
