"""The pages under /docs: offline, and with every code."""

import hashlib
import re
from importlib import resources

from tests.rest.served import World

from egizcore.rest.pages import File
from egizcore.rest.problem import CODES

STATIC = resources.files("egizcore.rest") / "static"
README = (STATIC / "README.md").read_text()
SUMS = {
    name: hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    for name in ("swagger-ui-bundle.js", "swagger-ui.css")
}


async def test_the_docs_page_and_all_that_it_names_are_served_and_ours() -> None:
    async with World().client() as client:
        page = await client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(links) >= 5
        for link in links:
            assert link.startswith("/")
            assert (await client.get(link)).status_code == 200


async def test_the_page_behind_type_has_an_anchor_for_every_code() -> None:
    async with World().client() as client:
        page = (await client.get("/docs/errors")).text
    for code in (*CODES, "bad_command", "unknown_action", "not_subscribed"):
        assert f'id="{code}"' in page


async def test_a_browser_that_has_a_page_gets_304() -> None:
    async with World().client() as client:
        tag = (await client.get("/docs")).headers["etag"]
        answer = await client.get("/docs", headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")


async def test_the_engines_pages_are_mounted_as_they_are() -> None:
    headers = {
        "content-type": "text/html",
        "etag": '"x"',
        "content-security-policy": "default-src 'self'",
    }
    async with World(pages={"/": File(b"<p>", '"x"', headers)}).client() as client:
        answer = await client.get("/")
        assert answer.content == b"<p>"
        assert {name: answer.headers[name] for name in headers} == headers


def test_vendored_files_are_those_that_the_list_names() -> None:
    for name, checksum in SUMS.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        assert checksum in row
        assert "Apache-2.0" in row
