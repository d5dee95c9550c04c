"""Files of web servers."""

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

from mimiclab.errors import LocationError
from mimiclab.locations.bar import bar_for
from mimiclab.locations.cache import AbsentError, OutOfReachError

TIMEOUT_S = 30.0
"""So long a server may be silent, s."""
_CHUNK = 1 << 20
_SUFFIXES = (".onnx", ".pt", ".zip")


@dataclass(frozen=True)
class WebSite:
    """A web server, and the question that is put behind every address (signatures of stores)."""

    scheme: str
    host: str
    """With port."""
    query: str
    folder: tuple[str, ...]
    """See `Source`."""

    @classmethod
    def of(cls, scheme: str, rest: str) -> tuple[Self, str]:
        """The server and the file's path of an address without its scheme.

        Raises:
            LocationError: no host, no file, or a password.
        """
        parts = urlsplit(f"{scheme}://{rest}")
        if "@" in parts.netloc:
            raise LocationError(
                f"{scheme}://...@{parts.hostname}{parts.path}: a location must not hold a user "
                "name or password; download the file and give its path"
            )
        if not parts.netloc or not Path(parts.path).suffix:
            raise LocationError(
                f"{scheme}://{parts.netloc}{parts.path}: expected {scheme}://HOST/PATH/FILE with a "
                f"file of the kind {', '.join(_SUFFIXES)}; a run folder is given as a .zip of it, "
                "or by one of its checkpoints"
            )
        folder = (scheme, parts.netloc)
        if parts.query:
            folder += (hashlib.sha256(parts.query.encode()).hexdigest()[:16],)
        return cls(scheme, parts.netloc, parts.query, folder), parts.path.lstrip("/")

    def words(self, name: str) -> str:
        """See `Source`; without the question, which may be a signature."""
        return f"{self.scheme}://{self.host}/{name}"

    def fetch(self, name: str, to: Path, known: str) -> str | None:
        """See `Source`; the mark is the server's ETag."""
        words = self.words(name)
        path = quote(name, safe="/%:@!$&'()*+,;=~")
        query = f"?{self.query}" if self.query else ""
        address = f"{self.scheme}://{self.host}/{path}{query}"
        try:
            request = urllib.request.Request(address, headers={"User-Agent": "mimiclab"})
            if known:
                request.add_header("If-None-Match", known)
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return _write(answer, to, words)
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return None
            raise _refused(error, words) from error
        except TimeoutError as error:
            raise OutOfReachError(f"{words}: {_SILENT.format(TIMEOUT_S)}") from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise OutOfReachError(f"{words}: {_SILENT.format(TIMEOUT_S)}") from error
            raise OutOfReachError(
                f"{words}: the server cannot be reached ({error.reason}); check the address and "
                "the network"
            ) from error
        except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
            raise OutOfReachError(
                f"{words}: the connection broke ({type(error).__name__}: {error}); nothing was "
                "kept. Try again"
            ) from error
        except ValueError as error:
            raise LocationError(f"{words} is no address ({error}); check it") from error


_SILENT = "the server said nothing for {:g} s; try again later"


def _write(answer: http.client.HTTPResponse, to: Path, words: str) -> str:
    if answer.headers.get_content_type() == "text/html" and words.endswith(_SUFFIXES):
        raise LocationError(
            f"{words}: the server answered with a web page, not with the file; give the address "
            "behind the page's download button"
        )
    length = answer.headers.get("Content-Length")
    total = int(length) if length else None
    with to.open("wb") as file, bar_for(words, to, total):
        while part := answer.read(_CHUNK):
            file.write(part)
    size = to.stat().st_size
    if total is not None and size != total:
        raise OutOfReachError(
            f"{words}: the download ended after {size} of {total} bytes; nothing was kept. Try "
            "again"
        )
    return answer.headers.get("ETag") or ""


def _refused(error: urllib.error.HTTPError, words: str) -> LocationError:
    said = f"{words}: the server answered {error.code} {error.reason}"
    if error.code in (404, 410):
        return AbsentError(f"{said}: there is no such file; check the address")
    if error.code in (401, 403):
        # Stores answer so for what is not there, too, if one may not list them.
        return AbsentError(f"{said}: it asks for a permission that a location cannot carry, or the "
                           "file is not there; download it by hand and give its path")  # fmt: skip
    if error.code >= 500 or error.code == 429:
        return OutOfReachError(f"{said}; try again later")
    return LocationError(f"{said}; check the address")
