"""What a client may say: one JSON command a message (contract.md, section 3)."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from egizcore.errors import BadCommand, EgizError, UnknownAction
from egizcore.thing import Filter, compile_filter, is_thing_id, is_word, read_json

CommandId: TypeAlias = str | int | float | None


class Selector(NamedTuple):
    """Which Things: one by its id, or those that match a filter."""

    key: str
    """The same for selectors that say the same."""
    thing_id: str | None
    filter: Filter | None


class Subscribe(NamedTuple):
    """Begin to tell, or change how; *features* None is all of them."""

    id: CommandId
    selector: Selector
    features: frozenset[str] | None
    snapshot: bool


class Unsubscribe(NamedTuple):
    """Stop to tell: one subscription by its selector's key or its name, or all."""

    id: CommandId
    key: str | None
    subscription: str | None


class Ping(NamedTuple):
    """Are you there?"""

    id: CommandId


Command: TypeAlias = Subscribe | Unsubscribe | Ping


class Refusal(NamedTuple):
    """A message that is no command, and why."""

    id: CommandId
    error: EgizError


def read_command(message: bytes) -> Command | Refusal:
    """The command that *message* is."""
    command_id: CommandId = None
    try:
        members = read_json(message)
        if not isinstance(members, dict):
            raise BadCommand("A command is a JSON object.")
        command_id = _id(members)
        action = members.get("action")
        reader = _ACTIONS.get(action) if isinstance(action, str) else None
        if reader is None:
            raise UnknownAction(f"{_short(action)} is no action.")
        return reader(command_id, members)
    except EgizError as error:
        return Refusal(command_id, error)


def _id(members: dict[str, Any]) -> CommandId:
    if "id" not in members:
        return None
    value = members["id"]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadCommand("'id' is text or a number.")
    return value


def _subscribe(command_id: CommandId, members: dict[str, Any]) -> Subscribe:
    _known(members, "thingId", "filter", "features", "snapshot")
    selector = _selector(members)
    if selector is None:
        raise BadCommand("A subscription names 'thingId' or 'filter'; {} is everything.")
    snapshot = members.get("snapshot", False)
    if not isinstance(snapshot, bool):
        raise BadCommand("'snapshot' is true or false.")
    return Subscribe(command_id, selector, _features(members), snapshot)


def _unsubscribe(command_id: CommandId, members: dict[str, Any]) -> Unsubscribe:
    _known(members, "thingId", "filter", "subscription")
    selector = _selector(members)
    if "subscription" not in members:
        return Unsubscribe(command_id, None if selector is None else selector.key, None)
    name = members["subscription"]
    if selector is not None or not isinstance(name, str):
        raise BadCommand("Name one of 'thingId', 'filter' and 'subscription' (text), or none.")
    return Unsubscribe(command_id, None, name)


def _ping(command_id: CommandId, members: dict[str, Any]) -> Ping:
    _known(members)
    return Ping(command_id)


_ACTIONS: Final[dict[str, Callable[[CommandId, dict[str, Any]], Command]]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "ping": _ping,
}


def _selector(members: dict[str, Any]) -> Selector | None:
    if "thingId" in members and "filter" in members:
        raise BadCommand("Name 'thingId' or 'filter', not both.")
    if "thingId" in members:
        thing_id = members["thingId"]
        if not isinstance(thing_id, str) or not is_thing_id(thing_id):
            raise BadCommand(f"{_short(thing_id)} is no Thing id: namespace:name.")
        return Selector(thing_id, thing_id, None)
    if "filter" in members:
        compiled = compile_filter(members["filter"], "/filter")
        return Selector(compiled.canonical, None, compiled)
    return None


def _features(members: dict[str, Any]) -> frozenset[str] | None:
    if "features" not in members:
        return None
    names = members["features"]
    if not isinstance(names, list) or not names:
        raise BadCommand("'features' is a list of at least one feature's name.")
    for name in names:
        if not isinstance(name, str) or not is_word(name):
            raise BadCommand(f"{_short(name)} is no name of a feature.")
    return frozenset(names)


def _known(members: dict[str, Any], *names: str) -> None:
    for name in members:
        if name not in ("action", "id", *names):
            raise BadCommand(f"{_short(name)} is not known here.")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
