import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.docs.conftest import PATIENCE, Demo
from tests.docs.pages import Block, all_blocks

from egizcore import cli

CHROMIUM = shutil.which("chromium")
PROBLEM = '"type":"/docs/errors#'


def examples(mark: str) -> pytest.MarkDecorator:
    found = all_blocks(mark=mark)
    return pytest.mark.parametrize("block", found, ids=[one.place for one in found])


def needs(text: str) -> None:
    """Skips, in one line, where a program of others that the example uses is not installed."""
    for program in ("mosquitto_pub", "mosquitto_sub", "wscat"):
        if re.search(rf"^{program}\b", text, re.MULTILINE) and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@examples("run")
def test_an_example_does_what_the_page_says(block: Block, demo: Demo) -> None:
    text = demo.adapt(block.text)
    needs(text)
    done = demo.run("sh", "-e", "-c", text)
    assert (done.returncode, done.stderr) == (0, "")
    assert block.expect in done.stdout
    if PROBLEM not in block.expect:
        assert PROBLEM not in done.stdout


@examples("script")
def test_a_script_ends_and_shows_what_the_page_says(
    block: Block, demo: Demo, tmp_path: Path
) -> None:
    (tmp_path / "example.py").write_text(demo.adapt(block.text))
    done = demo.run(sys.executable, "example.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert block.expect in done.stdout


@examples("stream")
def test_an_example_that_goes_on_shows_what_happens(
    block: Block, demo: Demo, tmp_path: Path
) -> None:
    text = demo.adapt(block.text)
    if block.language == "python":
        (tmp_path / "example.py").write_text(text)
        command = [sys.executable, str(tmp_path / "example.py")]
    else:
        needs(text)
        command = ["sh", "-e", "-c", text]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=demo.environment,
        stdin=subprocess.PIPE,  # wscat ends with its input
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        try:
            shown = any(
                block.expect in line or time.monotonic() > deadline for line in process.stdout
            )
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert shown, "it ended without showing it"
    assert time.monotonic() < deadline


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@examples("browse")
async def test_what_is_pasted_into_the_browsers_console_streams(block: Block, demo: Demo) -> None:
    from playwright.async_api import async_playwright

    seen = asyncio.Event()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = await browser.new_page()
            await page.goto(demo.adapt("http://localhost:8080/"))
            page.on("console", lambda line: seen.set() if block.expect in line.text else None)
            console = await page.context.new_cdp_session(page)
            # As the console does, which lets a name be declared twice.
            await console.send(
                "Runtime.evaluate", {"expression": demo.adapt(block.text), "replMode": True}
            )
            async with asyncio.timeout(PATIENCE):
                await seen.wait()
        finally:
            await browser.close()


@examples("config")
def test_a_configuration_passes_check_config_without_a_warning(
    block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "egizcore.yaml"
    file.write_text(block.text)
    assert cli.run(["check-config", "--config", str(file)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ok")
    assert told.err == ""


@pytest.mark.parametrize("block", all_blocks(language="json"), ids=lambda one: one.place)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_each_kind_of_example_is_there() -> None:
    readme = [one for one in all_blocks() if one.page == "README.md"]
    for word in ("curl", "mosquitto_pub", "new WebSocket", "wscat", "make run", "make test"):
        assert any(word in one.text for one in readme), word
    assert {one.mark for one in readme} >= {"run", "stream", "browse", "config"}
