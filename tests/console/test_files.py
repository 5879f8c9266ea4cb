"""The files of the page."""

import re
from collections.abc import Iterator

import pytest

from egizcore.console import files

PAGES = files()


def references() -> Iterator[tuple[str, str]]:
    """(file, path) of everything that a file of ours asks for."""
    for path, file in PAGES.items():
        text = file.body.decode()
        for found in re.findall(r'(?:src|href)="([^"#]+)"', text):
            yield path, found
        for found in re.findall(r'from "\./([^"]+)"', text):
            yield path, f"/console/{found}"


def test_the_page_is_at_the_root() -> None:
    assert PAGES["/"].content_type == "text/html; charset=utf-8"
    assert b"<!doctype html>" in PAGES["/"].body
    assert "/console/index.html" not in PAGES


@pytest.mark.parametrize(("path", "found"), sorted(set(references())))
def test_everything_that_is_asked_for_is_ours(path: str, found: str) -> None:
    assert found in PAGES, f"{path} asks for {found}"


@pytest.mark.parametrize("path", sorted(PAGES))
def test_every_file_goes_out_with_its_guards(path: str) -> None:
    headers = PAGES[path].headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["content-type"] == PAGES[path].content_type
    assert re.fullmatch(r'"[0-9a-f]{20}"', headers["etag"])


def test_another_content_has_another_etag() -> None:
    assert PAGES["/"].etag != PAGES["/console/console.css"].etag


@pytest.mark.parametrize("path", [path for path in PAGES if path.endswith(".js")])
def test_no_script_writes_markup(path: str) -> None:
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in PAGES[path].body.decode()


def test_no_page_has_a_script_or_a_style_in_it() -> None:
    page = PAGES["/"].body.decode()
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page)
