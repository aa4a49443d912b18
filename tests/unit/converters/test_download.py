"""Downloads against a server on loopback: whole, resumed, cut, wrong, refused."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from converters.download import fetch
from edge_fer.errors import SourceError

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT: /whole, /cut (breaks off once), /deaf (ignores ranges), /long (announces too much)."""

    asked: list[str]
    cuts_left: int

    def do_GET(self) -> None:
        type(self).asked.append(self.headers.get("Range", ""))
        if self.path == "/gone":
            self.send_error(404)
            return
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match and self.path != "/deaf" else 0
        if start > len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) + (100 if self.path == "/long" else 0)))
        self.end_headers()
        if self.path == "/cut" and type(self).cuts_left:
            type(self).cuts_left -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The server's address."""
    Handler.asked, Handler.cuts_left = [], 1
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()


def test_a_file_arrives_whole(server: str, tmp_path: Path) -> None:
    """Its sha256 comes back, and no part is left."""
    assert fetch(f"{server}/whole", tmp_path / "weights" / "w.h5") == DIGEST
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["w.h5"]


def test_a_file_that_is_there_is_kept(server: str, tmp_path: Path) -> None:
    """A second call asks nobody."""
    fetch(f"{server}/whole", tmp_path / "w.h5")
    fetch(f"{server}/whole", tmp_path / "w.h5")
    assert len(Handler.asked) == 1


def test_a_cut_connection_is_resumed(server: str, tmp_path: Path) -> None:
    """The first call says how far it came, the second asks for the rest only."""
    path = tmp_path / "w.h5"
    with pytest.raises(SourceError, match="resume") as caught:
        fetch(f"{server}/cut", path)
    assert f"{len(CONTENT) // 2:,} bytes" in caught.value.message
    assert not path.exists()
    assert fetch(f"{server}/cut", path) == DIGEST
    assert Handler.asked[1] == f"bytes={len(CONTENT) // 2}-"


def test_a_server_without_ranges_starts_again(server: str, tmp_path: Path) -> None:
    """Half a file and a server that sends all of it do not add up to one and a half."""
    (tmp_path / "w.h5.part").write_bytes(CONTENT[:1000])
    assert fetch(f"{server}/deaf", tmp_path / "w.h5") == DIGEST


def test_a_wrong_length_is_no_file(server: str, tmp_path: Path) -> None:
    """Fewer bytes than announced: nothing that views whole is left."""
    with pytest.raises(SourceError, match="resume"):
        fetch(f"{server}/long", tmp_path / "w.h5")
    assert not (tmp_path / "w.h5").exists()


def test_too_many_bytes_start_over(server: str, tmp_path: Path) -> None:
    """A part longer than the file can never be mended, so it goes, and the next call succeeds."""
    (tmp_path / "w.h5.part").write_bytes(CONTENT + b"x")
    with pytest.raises(SourceError, match="not a part of it"):
        fetch(f"{server}/whole", tmp_path / "w.h5")
    assert fetch(f"{server}/whole", tmp_path / "w.h5") == DIGEST


def test_a_missing_file_is_said(server: str, tmp_path: Path) -> None:
    """404, the address, exit code 65."""
    with pytest.raises(SourceError, match="404") as caught:
        fetch(f"{server}/gone", tmp_path / "w.h5")
    assert caught.value.exit_code == 65
    assert f"{server}/gone" in caught.value.message


def test_no_server_is_said(tmp_path: Path) -> None:
    """Nobody listens on this port."""
    with pytest.raises(SourceError, match="connection failed"):
        fetch("http://127.0.0.1:9/w.h5", tmp_path / "w.h5")
