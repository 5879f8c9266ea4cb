import re
import types
from collections.abc import Iterator
from enum import Enum
from typing import Any, Union, get_args, get_origin

import msgspec
import yaml
from msgspec import NODEFAULT, Struct
from tests.docs.pages import PAGES, ROOT, code, rows, text_of

from egizcore.settings import Settings

PAGE = "docs/configuration.md"


def struct_in(kind: Any) -> tuple[str, type[Struct]] | None:
    """The Struct that *kind* is or holds, and how its place is written in a key."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return "", kind
    arguments = [one for one in get_args(kind) if one not in (types.NoneType, ...)]
    if get_origin(kind) in (Union, types.UnionType) and len(arguments) == 1:
        return struct_in(arguments[0])
    if get_origin(kind) in (list, tuple):
        found = struct_in(arguments[0])
        return found and ("[]", found[1])
    if get_origin(kind) is dict:
        found = struct_in(arguments[1])
        return found and (".<name>", found[1])
    return None


def settings_of(struct: type[Struct], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting that the code has, with its default."""
    for field in msgspec.structs.fields(struct):
        key = prefix + field.encode_name
        inner = struct_in(field.type)
        if inner is None or inner[0] or field.default is None:
            made = field.default_factory
            yield key, made() if made is not NODEFAULT else field.default
        if inner is not None:
            yield from settings_of(inner[1], f"{key}{inner[0]}.")


def shown(default: Any) -> str:
    """A default as the page writes it."""
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    if default is None:
        return "none"
    if default is NODEFAULT:
        return "required"
    if isinstance(default, tuple):
        return "one route, below" if default else "`[]`"
    return f"`{default}`"


def documented() -> dict[str, str]:
    return {
        code(cells[0])[0]: cells[1]
        for cells in rows(text_of(PAGE))
        if len(cells) == 3 and "." in cells[0]
    }


def test_the_page_has_every_setting_with_its_default_and_no_other() -> None:
    known = {key: shown(default) for key, default in settings_of(Settings)}
    assert documented() == known


def test_no_default_is_of_a_kind_that_the_page_cannot_show() -> None:
    for _, default in settings_of(Settings):
        assert not isinstance(default, Struct | Enum)


def test_no_page_names_a_setting_that_is_not_there() -> None:
    known = {key for key, _ in settings_of(Settings)}
    sections = "|".join(field.encode_name for field in msgspec.structs.fields(Settings))
    name = re.compile(rf"`((?:{sections})\.[a-z_]+)(?=[`:=])")
    for page in PAGES:
        assert set(name.findall(page.read_text())) <= known, page


def test_the_page_has_a_heading_for_each_section() -> None:
    headings = [line[3:] for line in text_of(PAGE).splitlines() if line.startswith("## ")]
    assert headings == [field.encode_name for field in msgspec.structs.fields(Settings)]


def test_the_example_file_names_the_same_settings() -> None:
    text = (ROOT / "egizcore.example.yaml").read_text()
    lines = [
        line.replace("#", "", 1) if line.lstrip()[:1] == "#" and _is_key(line) else line
        for line in text.splitlines()
    ]
    found = yaml.safe_load("\n".join(lines))
    named = {f"{section}.{key}" for section, members in found.items() for key in members}
    known = {key for key, _ in settings_of(Settings) if key.count(".") == 1}
    assert named == known


def _is_key(line: str) -> bool:
    name = line.lstrip()[1:].partition(":")[0]
    return name.isidentifier() and ":" in line
