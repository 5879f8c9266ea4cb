"""The bounds of MQTT on the architecture page are those that the code has."""

from tests.docs.pages import rows, section

from egizcore.command.courier import Courier
from egizcore.mqtt import link, memory, sessions

PAGE = "docs/architecture.md"


def told() -> dict[str, str]:
    return {cells[0]: cells[1] for cells in rows(section(PAGE, "Bounds"))}


def mebibytes(size: int) -> str:
    return f"{size >> 20} MiB"


def test_the_bounds_of_sessions_are_told() -> None:
    assert told()["Sessions of devices that are away"] == f"{sessions.MAX_AWAY:,}"
    assert told()["Wills that wait for their delay"] == mebibytes(sessions.WILL_BYTES)
    assert told()["Subscriptions of a device"] == f"{memory.MAX_SUBSCRIPTIONS:,}"


def test_the_bounds_of_commands_are_told() -> None:
    each = f"{sessions.WAITING_MESSAGES:,} and {mebibytes(sessions.WAITING_BYTES)}"
    everyone = mebibytes(sessions.ALL_BYTES)
    assert (
        told()["Commands that wait for a device"] == f"{each}; {everyone} for all devices together"
    )
    waiting = f"{link._WAITING_MESSAGES:,} and {mebibytes(link._WAITING_BYTES)}"
    assert told()["Commands that wait for a broker"] == waiting
    listeners = told()["Clients of whom it is known that they hear commands"]
    assert listeners == f"{Courier.MAX_LISTENERS:,}"
