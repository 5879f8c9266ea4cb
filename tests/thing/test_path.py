import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.thing.samples import ABSENT, dotted, naive_read, paths, things

from egizcore.thing.model import Thing
from egizcore.thing.path import MISSING, ROOTS, array_index, parse_path, pointer, reader

SEGMENTS = st.lists(st.text(min_size=1, max_size=4), max_size=5)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("type", ("type",)),
        (
            "features.thermal.properties.temperature_zones.0",
            ("features", "thermal", "properties", "temperature_zones", "0"),
        ),
        ("metadata.a\\.b", ("metadata", "a.b")),
        ("metadata.a\\\\.b", ("metadata", "a\\", "b")),
        ("metadata.a/b~0", ("metadata", "a/b~0")),
        ("/metadata/a.b", ("metadata", "a.b")),
        ("/metadata/a~1b~0c~01", ("metadata", "a/b~c~1")),
        ("/metadata/a\\", ("metadata", "a\\")),
        ("/metadata/", ("metadata", "")),
    ],
)
def test_both_spellings_are_read(text: str, path: tuple[str, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "/",
        "metadata.",
        ".metadata",
        "metadata..a",
        "metadata.a\\",
        "metadata.a\\b",
        "/metadata/a~",
        "/metadata/a~2",
        "/metadata/~~0",
        "metadata/a",
        "thermal.properties.setpoint",
        "/thermal",
        "Type",
        "$type",
        " type",
    ],
)
def test_an_ill_formed_path_or_a_foreign_root_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|pointer"):
        parse_path(text)


def test_24_segments_pass_and_25_do_not() -> None:
    assert len(parse_path("metadata" + ".a" * 23)) == 24
    assert len(parse_path("/metadata" + "/a" * 23)) == 24
    with pytest.raises(ValueError, match="at most 24"):
        parse_path("metadata" + ".a" * 24)
    with pytest.raises(ValueError, match="at most 24"):
        parse_path("/metadata" + "/a" * 24)


@given(st.sampled_from(ROOTS), SEGMENTS)
def test_what_is_written_in_either_spelling_is_read_back(root: str, names: list[str]) -> None:
    path = (root, *names)
    assert parse_path(dotted(path)) == path
    assert parse_path(pointer(*path)) == path


@given(st.text(alphabet="metadata/~01.\\x", max_size=12))
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert path[0] in ROOTS


@pytest.mark.parametrize("text", ["-1", "-", "01", "+1", "1.0", "", "²", "٣", "9" * 5_000])
def test_no_array_has_such_an_index(text: str) -> None:
    assert array_index(text) == -1


def test_an_index_counts_from_zero() -> None:
    assert (array_index("0"), array_index("10")) == (0, 10)


@given(things(), paths)
def test_a_reader_gives_what_the_document_of_the_thing_has(
    thing: Thing, path: tuple[str, ...]
) -> None:
    expected = naive_read(thing.document(), path)
    found = reader(path)(thing)
    assert found is MISSING if expected is ABSENT else found == expected
