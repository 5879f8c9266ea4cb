"""The documents as the tests read them: blocks of code, rows of tables, headings."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>\w+)(?:: (?P<expect>[^\n]*?))? -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block; the comment before it says what a test does with it."""

    page: str
    line: int
    language: str
    mark: str
    expect: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            name_of(page),
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["mark"] or "",
            found["expect"] or "",
            found["text"],
        )
        for found in _BLOCK.finditer(text)
    ]


def all_blocks(*, mark: str = "", language: str = "") -> list[Block]:
    return [
        block
        for page in PAGES
        for block in blocks(page)
        if mark in ("", block.mark) and language in ("", block.language)
    ]


def prose(text: str) -> str:
    """*text* without its fenced blocks."""
    return _BLOCK.sub("", text)


def section(name: str, heading: str) -> str:
    """The part of a page below *heading*, down to the next one of its level or above."""
    text = text_of(name)
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"{name} has no heading {heading!r}"
    level = len(found[1])
    end = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE).search(text, found.end())
    return text[found.end() : end.start() if end else len(text)]


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in *text*, heads left out."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if all(set(cell) <= set("-: ") and cell for cell in cells):
            found.pop()  # the line above was the head
        else:
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text: str) -> set[str]:
    """The anchors that headings make, as GitHub and most others make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(prose(text))
    }
