"""A web server on this machine, and a cache of the test's own."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mimiclab.locations import cache


@dataclass
class Web:
    """What the server has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    """Sent half only."""
    pages: set[str] = field(default_factory=set)
    """Sent as web pages."""
    silent: threading.Event | None = None
    """Nothing is answered before it is set."""
    asked: list[str] = field(default_factory=list)
    """Path and status of each answer."""
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        web, path = self.web, self.path.partition("?")[0]
        if web.silent is not None:
            web.silent.wait(20.0)
            return
        body = web.files.get(path, b"")
        mark = f'"{hashlib.md5(body).hexdigest()}"'
        status = web.status.get(path) or (200 if path in web.files else 404)
        if path in web.moved:
            status = 302
        elif status == 200 and self.headers.get("If-None-Match") == mark:
            status = 304
        web.asked.append(f"{self.path} {status}")
        self.send_response(status)
        if status == 302:
            self.send_header("Location", web.moved[path])
        if status != 200:
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_header("ETag", mark)
        self.send_header("Content-Length", str(len(body)))
        kind = "text/html" if path in web.pages else "application/octet-stream"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if path in web.cut else body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch):
    """A server; `address` is its root."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    web.stop = stop  # type: ignore[attr-defined]
    yield web
    if thread.is_alive():
        stop()


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder."""
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hours_later(monkeypatch: pytest.MonkeyPatch):
    """Call it, and what was fetched is no longer fresh."""
    return lambda: monkeypatch.setattr(cache, "FRESH_S", 0.0)
