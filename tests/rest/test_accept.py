"""Media types, as clients name them."""

import pytest

from egizcore.rest.accept import accepts, media_type, preferred

JSON = "application/json"


@pytest.mark.parametrize(
    "accept",
    [
        b"*/*",
        b"application/json",
        b"Application/JSON",
        b"application/*",
        b"text/html, application/json;q=0.1",
        b"text/html,*/*;q=0.8",
        b"application/json; charset=utf-8",
        b"",
        b"nonsense",
    ],
)
def test_what_allows_json(accept: bytes) -> None:
    assert accepts(accept, JSON)


@pytest.mark.parametrize(
    "accept",
    [
        b"text/html",
        b"text/*, image/png",
        b"application/json;q=0",
        b"application/json;q=0, */*",
        b"*/*;q=0",
        b"application/xml",
        b"application/json;q=x",
    ],
)
def test_what_excludes_json(accept: bytes) -> None:
    assert not accepts(accept, JSON)


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        (b"*/*", "a/json"),
        (b"text/csv", "text/csv"),
        (b"text/csv, a/json", "a/json"),
        (b"a/json;q=0.2, text/csv;q=0.3", "text/csv"),
        (b"a/json;q=0, */*;q=0.1", "text/csv"),
        (b"text/*;q=0.9, a/*;q=0.8", "text/csv"),
        (b"image/png", None),
        (b"nonsense", "a/json"),
    ],
)
def test_the_best_of_several_forms(accept: bytes, best: str | None) -> None:
    assert preferred(accept, ("a/json", "text/csv")) == best


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        (b"application/json", JSON),
        (b"Application/JSON ; Charset=UTF-8", JSON),
        (b'application/json; charset="utf-8"', JSON),
        (b"application/json; charset=latin-1", ""),
        (b"application/json; profile=x", JSON),
        (b"", ""),
    ],
)
def test_the_media_type_of_a_body_in_utf8(content_type: bytes, media: str) -> None:
    assert media_type(content_type) == media
