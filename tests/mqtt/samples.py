"""Every control packet of both versions, drawn at random; and a peer's way to read our bytes."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from egizcore.mqtt import packet as p
from egizcore.mqtt.decode import decode, frame
from egizcore.mqtt.properties import DEFINITIONS, NOTHING, Kind, Properties
from egizcore.mqtt.reason import CONNACK_REASONS

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
levels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/+#"), max_size=6)
names = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.one_of(names, names.map("{}/#".format), st.just("#"), st.just("+/x/+"))
ids = st.integers(1, 65_535)
payloads = st.binary(max_size=40)
FORMS: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.integers(0, 1),
    "two": st.integers(1, 65_535),
    "four": st.integers(1, 2**32 - 1),
    "text": texts,
    "binary": payloads,
}
NEVER = ("user_property", "subscription_identifier")


@st.composite
def properties(draw: st.DrawFn, kind: Kind) -> Properties:
    """Any properties that *kind* may have."""
    values: dict[str, Any] = {}
    for row in DEFINITIONS:
        if kind not in row.where or not draw(st.booleans()):
            continue
        if row.form == "pair":
            values[row.name] = tuple(draw(st.lists(st.tuples(texts, texts), max_size=3)))
        elif row.form == "varint":
            most = 3 if kind is Kind.PUBLISH else 1
            one = st.integers(1, 268_435_455)
            values[row.name] = tuple(draw(st.lists(one, min_size=1, max_size=most)))
        elif row.name == "response_topic":
            values[row.name] = draw(names)
        else:
            values[row.name] = draw(FORMS[row.form])
    if "authentication_data" in values and "authentication_method" not in values:
        values["authentication_method"] = draw(texts)
    return Properties(**values)


def _properties(kind: Kind, version: int) -> st.SearchStrategy[Properties]:
    return properties(kind) if version == p.V5 else st.just(NOTHING)


@st.composite
def wills(draw: st.DrawFn, version: int) -> p.Will:
    return p.Will(
        draw(names),
        draw(payloads),
        draw(st.integers(0, 2)),
        draw(st.booleans()),
        draw(_properties(Kind.WILL, version)),
    )


@st.composite
def connects(draw: st.DrawFn, version: int) -> p.Connect:
    username = draw(st.none() | texts)
    password = draw(st.none() | payloads)
    if version == p.V3 and username is None:
        password = None
    return p.Connect(
        draw(texts),
        version,
        draw(st.booleans()),
        draw(st.integers(0, 65_535)),
        username,
        password,
        draw(st.none() | wills(version)),
        draw(_properties(Kind.CONNECT, version)),
    )


@st.composite
def publishes(draw: st.DrawFn, version: int) -> p.Publish:
    qos = draw(st.integers(0, 2))
    props = draw(_properties(Kind.PUBLISH, version))
    return p.Publish(
        draw(names if props.topic_alias is None else names | st.just("")),
        draw(payloads),
        qos,
        draw(st.booleans()),
        bool(qos) and draw(st.booleans()),
        draw(ids) if qos else 0,
        props,
    )


@st.composite
def connacks(draw: st.DrawFn, version: int) -> p.ConnAck:
    reasons = sorted(CONNACK_REASONS) if version == p.V5 else range(6)
    reason = draw(st.sampled_from(reasons))
    present = not reason and draw(st.booleans())
    return p.ConnAck(reason, present, draw(_properties(Kind.CONNACK, version)))


@st.composite
def subscribes(draw: st.DrawFn, version: int) -> p.Subscribe:
    five = version == p.V5
    one = st.builds(
        p.Subscription,
        filters,
        st.integers(0, 2),
        st.booleans() if five else st.just(value=False),
        st.booleans() if five else st.just(value=False),
        st.integers(0, 2) if five else st.just(0),
    )
    wanted = draw(st.lists(one, min_size=1, max_size=3))
    return p.Subscribe(draw(ids), tuple(wanted), draw(_properties(Kind.SUBSCRIBE, version)))


def _reasoned(
    packet: type[Any], kind: Kind, version: int, reasons: Sequence[int]
) -> st.SearchStrategy[p.Packet]:
    reason = st.sampled_from(reasons) if version == p.V5 else st.just(0)
    return st.builds(packet, ids, reason, _properties(kind, version))


def packets(version: int) -> st.SearchStrategy[p.Packet]:
    """Any packet of *version* that the standard allows."""
    five = version == p.V5
    taken = (0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)
    granted = (0, 1, 2, 0x80, 0x87, 0x8F, 0xA2) if five else (0, 1, 2, 0x80)
    grants = st.lists(st.sampled_from(granted), min_size=1, max_size=3).map(tuple)
    gone = st.lists(st.sampled_from((0x00, 0x11, 0x80)), min_size=1, max_size=3).map(tuple)
    asked = st.lists(filters, min_size=1, max_size=3).map(tuple)
    left = (0x00, 0x04, 0x81, 0x8E, 0x95, 0xA2) if five else (0,)
    every: list[st.SearchStrategy[p.Packet]] = [
        connects(version),
        connacks(version),
        publishes(version),
        _reasoned(p.PubAck, Kind.PUBACK, version, taken),
        _reasoned(p.PubRec, Kind.PUBREC, version, taken),
        _reasoned(p.PubRel, Kind.PUBREL, version, (0x00, 0x92)),
        _reasoned(p.PubComp, Kind.PUBCOMP, version, (0x00, 0x92)),
        subscribes(version),
        st.builds(p.SubAck, ids, grants, _properties(Kind.SUBACK, version)),
        st.builds(p.Unsubscribe, ids, asked, _properties(Kind.UNSUBSCRIBE, version)),
        st.builds(
            p.UnsubAck, ids, gone if five else st.just(()), _properties(Kind.UNSUBACK, version)
        ),
        st.just(p.PingReq()),
        st.just(p.PingResp()),
        st.builds(p.Disconnect, st.sampled_from(left), _properties(Kind.DISCONNECT, version)),
    ]
    if five:
        auth = st.sampled_from((0x00, 0x18, 0x19))
        every.append(st.builds(p.Auth, auth, properties(Kind.AUTH)))
    return st.one_of(every)


def read(data: bytes, version: int) -> list[p.Packet]:
    """What a peer makes of the bytes that we sent: whole packets only."""
    found = []
    at = 0
    while at < len(data):
        body, stop = frame(data, at, len(data))
        assert 0 < stop <= len(data), "a cut packet was sent"
        found.append(decode(data[at], data[body:stop], version))
        at = stop
    return found
