"""Whom we answer to while bound to loopback, against DNS rebinding."""

import pytest

from egizcore.rest.host import cross_origin, host_check
from egizcore.rest.settings import HttpSettings


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"LOCALHOST:8080", b"127.0.0.1", b"127.0.0.1:1", b"127.8.8.8", b"[::1]:8080",
     b"plant.local", b"plant.local:99", b"exact.local:81", None],
)  # fmt: skip
def test_our_own_names_are_answered(host: bytes | None) -> None:
    settings = HttpSettings(allowed_hosts=["Plant.local", "exact.local:81"])
    assert host_check(settings)(host)


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"evil.example:8080", b"localhost.evil.example", b"127.0.0.1.evil.example",
     b"exact.local", b"exact.local:82", b"10.0.0.1", b"", b"localhost:", b"localhost:x",
     b"localhost\n", b"[::1", b"user@localhost", b"localhost/x", b"\xff"],
)  # fmt: skip
def test_other_names_are_not(host: bytes) -> None:
    assert not host_check(HttpSettings(allowed_hosts=["exact.local:81"]))(host)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "192.168.1.5", "plant.example"])
def test_off_loopback_any_name_is_answered(bound: str) -> None:
    assert host_check(HttpSettings(host=bound))(b"evil.example")


def test_an_origin_is_allowed_whole_or_not_at_all() -> None:
    allowed = cross_origin(["https://plant.example", "http://localhost:3000"])
    assert allowed(b"https://plant.example")
    assert allowed(b"http://localhost:3000")
    assert not allowed(b"http://plant.example")
    assert not allowed(b"https://plant.example.evil")
    assert not allowed(b"null")
