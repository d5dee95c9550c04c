"""A headless Chromium, driven over its debugging protocol by a package that viser needs anyway."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import connect


def chromium() -> str | None:
    """The browser's program, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """One page; `close` it."""

    def __init__(self, url: str, profile: Path, size: tuple[int, int] = (1000, 700)) -> None:
        program = chromium()
        assert program is not None
        self._process = subprocess.Popen(
            [
                program, "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--mute-audio",
                "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                "--no-first-run", "--remote-debugging-port=0", "--hide-scrollbars",
                f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", url,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            address = self._wait_for_page(profile / "DevToolsActivePort")
            self._socket = connect(address, max_size=None, compression=None)
        except BaseException:
            self._process.kill()
            raise
        self._number = 0

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    @staticmethod
    def _wait_for_page(port_file: Path) -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if port_file.is_file() and (text := port_file.read_text().split()):
                with urllib.request.urlopen(f"http://127.0.0.1:{text[0]}/json") as answer:
                    pages = [p for p in json.load(answer) if p["type"] == "page"]
                if pages:
                    return pages[0]["webSocketDebuggerUrl"]
            time.sleep(0.1)
        raise TimeoutError("Chromium did not open a page within 60 s")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, script: str) -> Any:
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60) -> Any:
        """Wait until a JavaScript expression is true; returns its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.evaluate(script):
                return value
            time.sleep(0.2)
        raise TimeoutError(f"still not true after {seconds} s: {script}")

    def text(self) -> str:
        """All visible text."""
        return self.evaluate("document.body.innerText")

    def click(self, label: str) -> None:
        """Press the button with this text."""
        self.wait_for(
            "(() => { const b = [...document.querySelectorAll('button')]"
            f".find(b => b.innerText.trim() === {json.dumps(label)});"
            " if (b) b.click(); return !!b; })()",
            20,
        )

    def screenshot(self) -> bytes:
        """PNG of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def click_checkbox(self, label: str) -> None:
        """Switch the checkbox of the row with this label."""
        self.evaluate(_input_of(label) + ".click()")

    def choose(self, label: str, option: str) -> None:
        """Pick an option of the drop-down in the row with this label."""
        self.evaluate(_input_of(label) + ".click()")
        self.wait_for(
            "(() => { const o = [...document.querySelectorAll('[role=option]')]"
            f".find(o => o.innerText.trim() === {json.dumps(option)});"
            " if (o) o.click(); return !!o; })()",
            20,
        )

    def press(self, selector: str, key: str, times: int = 1) -> None:
        """Press a key on the first element that a CSS selector finds."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)


def _input_of(label: str) -> str:
    """Script for the input in the smallest part of the page that holds this label and an input."""
    return (
        "[...document.querySelectorAll('div')].filter(d => d.querySelector('input') &&"
        f" d.innerText.trim().split('\\n')[0] === {json.dumps(label)}).at(-1)"
        ".querySelector('input')"
    )
