"""An engine somewhere else, asked over its public API.

In: an address, requests as plain values. Out: what REST answers, and its problems as the errors
that they were in the engine. Never: a room of the engine, a proxy of the environment (the
plant's address is its own), anything kept between two requests but the connection.

httpx loads with the first connection, not before.
"""

from typing import TYPE_CHECKING

from egizcore.client.problem import Refused, Unreachable

if TYPE_CHECKING:
    from egizcore.client.api import Api

__all__ = ["Refused", "Unreachable", "connect"]


def connect(url: str) -> "Api":
    """The engine at *url*; raises `SettingsInvalid` for what is no address.

    Nothing is asked yet. Use it as a context, or close it in the end.
    """
    from egizcore.client.api import Api

    return Api(url)
