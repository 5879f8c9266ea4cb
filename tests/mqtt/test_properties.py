from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mqtt import samples

from egizcore.mqtt import properties, wire
from egizcore.mqtt.properties import DEFINITIONS, NOTHING, Kind, Properties
from egizcore.mqtt.reason import ProtocolError, Reason

KINDS = [kind for kind in Kind if kind not in (Kind.PINGREQ, Kind.PINGRESP)]


def read(data: bytes, kind: Kind) -> Properties:
    return properties.decode(wire.Reader(data, 0, len(data)), kind)


@given(st.data(), st.sampled_from(KINDS))
def test_properties_come_back_as_they_went(data: st.DataObject, kind: Kind) -> None:
    some = data.draw(samples.properties(kind))
    assert read(properties.encode(some), kind) == some


def test_no_properties_are_one_byte() -> None:
    assert properties.encode(Properties()) == properties.encode(NOTHING) == b"\0"


def test_the_table_has_all_27_and_each_has_its_member() -> None:
    assert len(DEFINITIONS) == 27
    assert {row.name for row in DEFINITIONS} == set(Properties.__struct_fields__)


@pytest.mark.parametrize("row", DEFINITIONS, ids=lambda row: row.name)
@pytest.mark.parametrize("kind", KINDS)
def test_2_2_2_2_a_property_stands_only_where_it_belongs(
    row: properties.Definition, kind: Kind
) -> None:
    value = {"flag": 1, "two": 1, "four": 1, "varint": (1,), "binary": b"b", "text": "t"}.get(
        row.form, (("k", "v"),)
    )
    given: dict[str, Any] = {row.name: value}
    if row.name == "authentication_data":
        given["authentication_method"] = "m"
    coded = properties.encode(Properties(**given))
    if kind in row.where:
        assert read(coded, kind) == Properties(**given)
    else:
        with pytest.raises(ProtocolError) as refused:
            read(coded, kind)
        assert refused.value.reason is Reason.MALFORMED_PACKET


@pytest.mark.parametrize(
    ("coded", "kind", "reason"),
    [
        (b"\x0a\x21\0\x05\x21\0\x05\x22\0\x01\0", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x06\x21\0\x05\x21\0\x05", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x03\x21\0\0", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x05\x27\0\0\0\0", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x02\x17\x02", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x04\x16\0\x01x", Kind.CONNECT, Reason.PROTOCOL_ERROR),
        (b"\x02\x0b\0", Kind.SUBSCRIBE, Reason.PROTOCOL_ERROR),
        (b"\x04\x0b\x01\x0b\x02", Kind.SUBSCRIBE, Reason.PROTOCOL_ERROR),
        (b"\x03\x23\0\0", Kind.PUBLISH, Reason.TOPIC_ALIAS_INVALID),
        (b"\x02\x7f\0", Kind.PUBLISH, Reason.MALFORMED_PACKET),
        (b"\x02\x23\0", Kind.PUBLISH, Reason.MALFORMED_PACKET),
        (b"\x09\x23\0\x01", Kind.PUBLISH, Reason.MALFORMED_PACKET),
    ],
)
def test_what_a_section_forbids_has_its_reason(coded: bytes, kind: Kind, reason: Reason) -> None:
    with pytest.raises(ProtocolError) as refused:
        read(coded, kind)
    assert refused.value.reason is reason
