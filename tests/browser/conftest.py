"""A running engine, and Debian's Chromium before its page."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@final
class Engine:
    """``egizcore serve`` as a process, whose port stays the same over a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._client = httpx.Client(timeout=30)
        environment = os.environ | {"EGIZCORE_HTTP__PORT": str(self.port), "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "egizcore", "serve"],
            cwd=self._folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if " http=" in line:
                self.port = int(line.rstrip().rpartition(":")[2])
                return
        raise AssertionError("the engine did not start")

    def stop(self) -> None:
        assert self._process is not None
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=15)

    def put(self, thing_id: str, **features: dict[str, Any]) -> None:
        """Create or replace a Thing over REST."""
        self.send("PUT", f"things/{thing_id}", self.thing(features))

    def report(self, thing_id: str, feature: str, properties: dict[str, Any]) -> None:
        self.send("PUT", f"things/{thing_id}/features/{feature}", {"properties": properties})

    def send(self, method: str, path: str, body: object = None) -> Any:
        answer = self._client.request(method, f"{self.url}/api/v1/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def clear(self) -> None:
        for thing in self.send("GET", "things?limit=1000")["items"]:
            self.send("DELETE", f"things/{thing['id']}")

    @staticmethod
    def thing(features: dict[str, dict[str, Any]], **members: Any) -> dict[str, Any]:
        wrapped = {name: {"properties": values} for name, values in features.items()}
        return {"type": "oven", "features": wrapped} | members


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    engine = Engine(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture
def engine(started: Engine) -> Engine:
    started.clear()
    return started


# Not for the session: while Playwright runs, its loop stands in the way of asynchronous tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, engine: Engine) -> Iterator[Page]:
    """The console, connected; any error in it fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(engine.url)
    page.get_by_text("Live", exact=True).first.wait_for()
    yield page
    context.close()
    assert errors == []
