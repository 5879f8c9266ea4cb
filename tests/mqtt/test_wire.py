import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.mqtt import wire
from egizcore.mqtt.reason import ProtocolError, Reason


def reader(data: bytes) -> wire.Reader:
    return wire.Reader(data, 0, len(data))


@pytest.mark.parametrize(
    ("value", "coded"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (268_435_455, b"\xff\xff\xff\x7f"),
    ],
)
def test_1_5_5_the_bounds_of_variable_byte_integers(value: int, coded: bytes) -> None:
    assert wire.varint(value) == coded
    assert reader(coded).varint() == value


@given(st.integers(0, wire.MAX_VARINT))
def test_a_variable_byte_integer_comes_back(value: int) -> None:
    assert reader(wire.varint(value)).varint() == value


@pytest.mark.parametrize(
    "coded", [b"\x80\x00", b"\xff\xff\xff\x80", b"\xff\xff\xff\xff\x7f", b"\x80"]
)
def test_a_long_needless_or_cut_integer_is_malformed(coded: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        reader(coded).varint()
    assert refused.value.reason is Reason.MALFORMED_PACKET


@pytest.mark.parametrize("raw", [b"\xed\xa0\x80", b"\xff", b"\xc3", b"a\0b", b"\xf4\x90\x80\x80"])
def test_1_5_4_ill_formed_text_is_malformed(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        reader(wire.binary(raw)).text()
    assert refused.value.reason is Reason.MALFORMED_PACKET


def test_1_5_4_3_a_byte_order_mark_is_kept() -> None:
    assert reader(wire.text("\ufeffa")).text() == "\ufeffa"


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_a_field_never_reads_past_its_packet(size: int) -> None:
    fields = (wire.Reader.four, wire.Reader.binary, wire.Reader.text)
    for field in fields:
        part = wire.Reader(b"\x00\x04abcdef", 0, size)
        with pytest.raises(ProtocolError):
            field(part)


def test_what_fits_no_field_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="65,535"):
        wire.text("x" * 65_536)
    with pytest.raises(ValueError, match="variable byte integer"):
        wire.varint(wire.MAX_VARINT + 1)
