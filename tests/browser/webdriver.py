"""Drives Debian's chromium through chromedriver, with Python's standard library.

Only what our pages need: open, find, type, press keys, run a script, take a
picture, change the window's width. `check_page` looks for the faults that a
person with a keyboard, a screen reader or a small phone would meet.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": "\ue00d", "Escape": "\ue00c", "Down": "\ue015", "Up": "\ue013"}
WAIT_S = 15


class Fault(Exception):
    """What WebDriver answered instead of a value."""


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Browser:
    """One headless chromium; use it in a `with`."""

    def __init__(self, width=1280, height=900):
        self.port = free_port()
        self.profile = tempfile.mkdtemp(prefix="healthpost-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.port}", "--silent"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.session = None
        try:
            self._until(lambda: self._call("GET", "/status")["ready"], "chromedriver")
            arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
            arguments += ["--no-first-run", "--disable-background-networking", f"--user-data-dir={self.profile}"]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")  # chromium's own does not work for root
            always = {
                "browserName": "chrome",
                "acceptInsecureCerts": True,
                "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": always}})
            self.session = made["sessionId"]
            self.resize(width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self._call("DELETE", f"/session/{self.session}")
            except (Fault, OSError):
                pass
            self.session = None
        self.driver.terminate()
        self.driver.wait(10)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Fault(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def _in(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def _until(self, test, what):
        until = time.monotonic() + WAIT_S
        while True:
            try:
                if value := test():
                    return value
            except (Fault, OSError) as error:
                last = error
            else:
                last = None
            if time.monotonic() > until:
                raise Fault(f"waited {WAIT_S} s for {what}" + (f": {last}" if last else ""))
            time.sleep(0.05)

    def open(self, url):
        self._in("POST", "/url", {"url": url})

    def resize(self, width, height=900):
        """The page's own width: chromium's window never gets narrower than 500."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        body = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self._in("POST", "/goog/cdp/execute", body)

    def run(self, script, *arguments):
        """Runs the body of a function in the page and gives what it returns."""
        return self._in("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, css):
        """The first element that matches, once there is one."""
        body = {"using": "css selector", "value": css}
        return self._until(lambda: self._in("POST", "/element", body)[ELEMENT], css)

    def click(self, css):
        self._in("POST", f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self._in("POST", f"/element/{self.find(css)}/value", {"text": text})

    def press(self, *keys):
        """Keys as on a keyboard, sent to whatever has the focus."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._in("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def text(self, css="body"):
        return self._in("GET", f"/element/{self.find(css)}/text")

    def wait_text(self, text, css="body"):
        return self._until(lambda: text in self.text(css), f"`{text}` in {css}")

    def focus(self):
        """Where the keyboard is: tag, id and visible name."""
        return self.run(
            "const e = document.activeElement;"
            "return [e.tagName.toLowerCase(), e.id, (e.innerText || e.value || '').trim()]"
        )

    def screenshot(self, file):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_bytes(base64.b64decode(self._in("GET", "/screenshot")))

    def complaints(self):
        """Errors of the page's own scripts and of its content policy."""
        logged = self._in("POST", "/se/log", {"type": "browser"})
        return [it["message"] for it in logged if it["level"] == "SEVERE"]

    def check_page(self):
        """Faults a person would meet, as sentences; empty when there are none."""
        script = (Path(__file__).parent / "checks.js").read_text()
        return self.run(script)
