"""The measurement of what an event costs runs, and encodes a real one."""

from __future__ import annotations

import pytest

from benchmarks import messages


def test_each_step_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Build, encode, decode; the size is that of a face event."""
    monkeypatch.setattr(messages, "_COUNT", 1)
    monkeypatch.setattr(messages, "_ROUNDS", 1)
    messages.main()
    size, *steps = capsys.readouterr().out.splitlines()
    assert 500 < int(size.split()[4]) < 1000
    assert [line.split("  ")[0] for line in steps] == [
        *("build the message", "check and encode", "json.dumps alone", "decode and check"),
    ]
    assert all(line.endswith(" µs") for line in steps)
