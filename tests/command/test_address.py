"""The command topic of a device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.command import CommandSettings
from egizcore.command.address import Address

USUAL = Address("devices/{device}/desired")


def test_a_device_stands_as_one_level_of_the_topic() -> None:
    assert USUAL.topic("oven-001") == "devices/oven-001/desired"
    assert Address("{device}").topic("oven-001") == "oven-001"


@pytest.mark.parametrize(
    "device", ["", "a/b", "+", "#", "a+", "a\0b", "\x01", "\x85", "\ufffe", "\ud800", "x" * 65_535]
)
def test_a_name_that_cannot_be_a_level_has_no_topic(device: str) -> None:
    assert USUAL.topic(device) is None


@pytest.mark.parametrize(
    "filter",
    [
        "devices/+/desired",
        "devices/#",
        "#",
        "devices/a/b/desired",
        "devices//desired",
        "devices/desired",
        "devices/desired/desired/desired",
        "$share/g/devices/oven-001/desired",
        "/devices/oven-001/desired",
        "devices/oven-001/desired/",
    ],
)
def test_another_topic_or_filter_is_no_device_s(filter: str) -> None:
    assert USUAL.device(filter) is None


@given(st.text(max_size=20), st.sampled_from(["{device}", "a/{device}", "{device}/b"]))
def test_what_has_a_topic_is_found_by_it(device: str, template: str) -> None:
    address = Address(template)
    topic = address.topic(device)
    if topic is not None:
        assert address.device(topic) == device


@pytest.mark.parametrize(
    "template",
    [
        "devices/desired",
        "devices/x-{device}/desired",
        "{device}/{device}",
        "{device}/{feature}",
        "{device}/+",
        "{device}/#",
        "{device}/\0",
        "",
    ],
)
def test_a_template_that_names_no_device_or_no_topic_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        CommandSettings(topic=template)
