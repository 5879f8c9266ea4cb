import pytest
from tests.stream.served import request

from egizcore.rest import HttpSettings, host_check, refusal
from egizcore.stream.handshake import Porter, Rules

ORIGIN = "https://App.example"


def porter(host: str = "127.0.0.1") -> Porter:
    settings = HttpSettings(host=host, allowed_hosts=["plant.example"])
    return Porter(Rules(host_check(settings), frozenset([ORIGIN]), refusal))


def objection(head: bytes) -> str | None:
    found = porter().objection(head)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", None),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "https://127.0.0.1:8080"),  # a proxy that ends TLS
        ("localhost", "http://localhost"),
        ("localhost", "http://LOCALHOST:80"),
        ("LocalHost:443", "https://localhost"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("plant.example", "http://plant.example"),
        ("127.0.0.1", "https://app.example"),
        ("127.0.0.1", "https://APP.example"),
    ],
)
def test_a_page_of_ours_or_of_an_allowed_origin_may_come_in(host: str, origin: str | None) -> None:
    assert objection(request(Host=host, Origin=origin)) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1:8081",
        "http://127.0.0.1:8080.evil.example",
        "http://127.0.0.1:8080@evil.example",
        "https://app.example.evil.example",
        "https://app.example:444",
        "file://",
        "ws://127.0.0.1:8080",
        "http://[::1",
        "http://127.0.0.1:99999",
        "127.0.0.1:8080",
    ],
)
def test_a_foreign_page_may_not(origin: str) -> None:
    assert objection(request(Host="127.0.0.1:8080", Origin=origin)) == "forbidden"


def test_two_origins_are_none_of_ours() -> None:
    head = request(Origin="http://127.0.0.1").replace(
        b"Origin: ", b"origin: http://127.0.0.1\r\nOrigin: "
    )
    assert objection(head) == "forbidden"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (request("/api/v1/other"), "not_found"),
        (request("/api/v1/ws/"), "not_found"),
        (request("/"), "not_found"),
        (request(method="POST"), "method_not_allowed"),
        (request(Host="evil.example"), "bad_host"),
        (request(Host=None), "bad_host"),
        (request(Sec_WebSocket_Version="12"), "upgrade_required"),
        (request(Sec_WebSocket_Version="8, 13"), "upgrade_required"),
    ],
)
def test_what_may_not_come_in_is_told_why(head: bytes, code: str) -> None:
    assert objection(head) == code


def test_a_query_is_no_part_of_the_path() -> None:
    assert objection(request("/api/v1/ws?x=1")) is None


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("forbidden", [b"HTTP/1.1 403 Forbidden", b"connection: close"]),
        ("method_not_allowed", [b"HTTP/1.1 405 Method Not Allowed", b"allow: GET"]),
        (
            "upgrade_required",
            [b"upgrade: websocket", b"sec-websocket-version: 13", b"connection: upgrade, close"],
        ),
    ],
)
def test_a_refusal_is_a_whole_response(code: str, lines: list[bytes]) -> None:
    head, _, body = porter().refuse(code, "Why.").partition(b"\r\n\r\n")
    found = head.split(b"\r\n")
    assert set(lines) <= set(found)
    assert found.count(b"content-length: %d" % len(body)) == 1
    assert sum(line.startswith(b"content-length") for line in found) == 1
