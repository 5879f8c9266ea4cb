import re
from pathlib import Path

import pytest
from tests.docs.pages import PAGES, ROOT, anchors, code, name_of, prose, rows, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HOSTS_WE_NAME = {"localhost", "keepachangelog.com", "semver.org"}
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page.read_text())):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@each_page
def test_no_page_sends_readers_to_other_hosts(page: Path) -> None:
    hosts = set(re.findall(r"https?://([a-z0-9.-]+)", page.read_text()))
    assert {host for host in hosts if not host.endswith(".example")} <= HOSTS_WE_NAME


@each_page
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:work|tmp|home|root|mnt|Users)/\S*", page.read_text())


@each_page
def test_a_page_has_one_title_and_no_tabs(page: Path) -> None:
    text = prose(page.read_text())
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert "\t" not in text


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in LINK.findall(prose(page.read_text())):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target in PAGES:
                waiting.append(target)
    assert reached == set(PAGES)


def test_decisions_are_numbered_and_have_their_parts() -> None:
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    index = text_of("docs/decisions/README.md")
    for number, record in enumerate(records, start=1):
        text = record.read_text()
        title = text.splitlines()[0].removeprefix(f"# {number}. ")
        assert record.name.startswith(f"{number:04}-")
        assert f"{number}. [{title}]({record.name})" in index
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, record.name


def test_contributing_names_every_make_target() -> None:
    named = {
        words.split()[1]
        for cells in rows(text_of("CONTRIBUTING.md"))
        for words in code(cells[0])
        if words.startswith("make ")
    }
    targets = set(re.findall(r"^([a-z]+):.*## ", text_of("Makefile"), re.MULTILINE))
    assert named == targets - {"help"}
