import copy
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.quantity import Duration, Secret, Size, from_setting, masked


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("1m", 60),
        ("2h", 7200),
        ("7d", 604_800),
        ("1w", 604_800),
        ("1.5s", 1.5),
        (" 10 s ", 10),
        ("0", 0),
        (0, 0),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text: object, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "10", 10, 1.5, True, False, None, "s", "-1s", "1 0s", "10 S", "1e3s", "1m30s", "inf s",
     "nan", "5y", "5 µs", "٣s", "99999999w", ["1s"]],
)  # fmt: skip
def test_what_is_no_duration_is_refused_in_one_sentence(text: object) -> None:
    with pytest.raises(ValueError, match=r"no duration: write a number and a unit|than a century"):
        Duration.parse(text)


@given(st.integers(0, 10**12))
def test_a_duration_prints_what_it_parses(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert Duration.parse(str(duration)) == pytest.approx(duration)


def test_a_duration_prints_in_its_largest_whole_unit() -> None:
    assert [str(Duration(n)) for n in (0, 0.5, 10, 60, 90, 604_800)] == [
        "0s", "500ms", "10s", "1m", "90s", "1w",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (0, 0),
        (12, 12),
        ("12", 12),
        ("12B", 12),
        ("256KiB", 262_144),
        ("1 MiB", 1 << 20),
        ("2GiB", 2 << 30),
        ("1.5KiB", 1536),
    ],
)
def test_a_size_is_bytes_or_a_number_with_a_binary_unit(text: object, count: int) -> None:
    assert Size.parse(text) == count


@pytest.mark.parametrize(
    "text", ["", "1KB", "1kib", "-1", -1, 1.5, "1.5", True, None, "1e3", "99999999999GiB", 1 << 63]
)
def test_what_is_no_size_is_refused_in_one_sentence(text: object) -> None:
    with pytest.raises(ValueError, match="no size: write a number of bytes, or one with B, KiB"):
        Size.parse(text)


@given(st.integers(0, 1 << 52))
def test_a_size_prints_what_it_parses(count: int) -> None:
    assert Size.parse(str(Size(count))) == count


def test_a_long_value_is_clipped_in_the_error() -> None:
    with pytest.raises(ValueError, match="xxx…' is no size") as caught:
        Size.parse("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_only_reveal_shows_a_secret() -> None:
    secret = Secret.parse("hunter2")
    assert secret.reveal() == "hunter2"
    for shown in (str(secret), repr(secret), f"{secret}", f"{[secret]}"):
        assert "hunter2" not in shown


def test_a_secret_does_not_leave_the_process() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError):
        copy.copy(Secret("hunter2"))


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


def test_a_secret_that_is_no_text_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="a secret is text") as caught:
        Secret.parse(12345)
    assert "12345" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mqtt://u:p@host:1883", "mqtt://***@host:1883"),
        ("http://u@host/a", "http://***@host/a"),
        ("http://u:p/w@x@host", "http://***@host"),
        ("http://u:p\nw@host", "http://***@host"),
        ("http://[fe80::1]:8080/a", "http://[fe80::1]:8080/a"),
        ("plain text", "plain text"),
    ],
)
def test_an_address_is_shown_without_its_credentials(address: str, shown: str) -> None:
    assert masked(address) == shown


class Example(msgspec.Struct):
    wait: Duration = Duration(10)
    room: Size = Size(1024)
    key: Secret | None = None


def test_a_settings_struct_is_filled_with_quantities() -> None:
    raw = {"wait": "1m", "room": "1MiB", "key": "k"}
    example = msgspec.convert(raw, Example, dec_hook=from_setting)
    assert example == Example(Duration(60), Size(1 << 20), Secret("k"))
    assert isinstance(example.wait, Duration)


def test_a_type_that_is_no_quantity_is_a_fault_of_ours() -> None:
    with pytest.raises(NotImplementedError, match="complex"):
        from_setting(complex, "1")
