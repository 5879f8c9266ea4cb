import resource
import time
from typing import Any

import msgspec
import pytest

from egizcore.doctor import machine
from egizcore.doctor.machine import clock, descriptors
from egizcore.settings import Settings


@pytest.mark.parametrize(
    ("limit", "endpoint", "level"),
    [
        (1100, False, "ok"),
        (1099, False, "warn"),
        (1100, True, "warn"),
        (2100, True, "ok"),
        (255, False, "FAIL"),
        (resource.RLIM_INFINITY, True, "ok"),
    ],
)
def test_each_client_and_device_needs_a_descriptor(
    limit: int, *, endpoint: bool, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    found = descriptors(msgspec.convert({"endpoint": {"enabled": endpoint}}, Settings))
    assert found.level == level
    assert bool(found.mend) == (level != "ok")


def test_the_devices_of_the_table_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, 4096))
    devices = {f"esp-{n}": f"factory:esp-{n}" for n in range(5000)}
    given: dict[str, Any] = {"endpoint": {"enabled": True}, "mqtt": {"devices": devices}}
    found = descriptors(msgspec.convert(given, Settings))
    assert found.level == "warn"
    assert "5,000 devices need 6,100" in found.what


def test_a_clock_that_was_never_set_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 86_400.0)
    found = clock()
    assert found.level == "FAIL"
    assert "1970-01-02" in found.what


@pytest.mark.parametrize(("state", "level"), [(0, "ok"), (4, "ok"), (-1, "ok"), (5, "warn")])
def test_a_clock_that_nobody_keeps_is_a_warning(
    state: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_state", lambda: state)
    assert clock().level == level


def test_the_kernel_says_how_its_clock_is() -> None:
    assert machine._state() in range(-1, 6)
