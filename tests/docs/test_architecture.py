import re
from configparser import ConfigParser

from tests.docs.pages import ROOT, code, rows, section, text_of

PAGE = "docs/architecture.md"


def test_the_page_has_every_room_and_no_other() -> None:
    package = ROOT / "src/egizcore"
    known = {
        path.stem
        for path in package.iterdir()
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem[0] != "_")
    }
    told = [name for cells in rows(section(PAGE, "Rooms")) for name in code(cells[0])]
    assert sorted(told) == sorted(known)


def test_the_page_has_the_direction_of_imports_that_is_held() -> None:
    linter = ConfigParser()
    linter.read(ROOT / "importlinter.ini")
    held = [
        [name.strip() for name in layer.split("|") if "(" not in name]
        for layer in linter["importlinter:contract:flow"]["layers"].split("\n")
    ]
    (drawn,) = re.findall(r"```\n(cli → .*?)```", text_of(PAGE), re.DOTALL)
    told = [[name.strip() for name in layer.split("|")] for layer in drawn.split("→")]
    assert told == [layer for layer in held if any(layer)]
