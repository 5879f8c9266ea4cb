"""History: the parameters of contract.md, section 5; a store that answers comes with a backend."""

import re
from collections.abc import Iterable
from typing import Final

from egizcore.errors import HistoryUnavailable
from egizcore.rest.answer import Answer
from egizcore.rest.call import Call, Route, route
from egizcore.rest.parameters import Parameters, at, choice, whole_number
from egizcore.thing import is_word, parse_rfc3339

MAX_LIMIT: Final = 10_000
AGGREGATES: Final = ("mean", "min", "max", "last", "count", "sum")
_SPAN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d|w)", re.ASCII)


def routes() -> Iterable[Route]:
    """The routes of this module."""
    yield route(
        "GET",
        "/api/v1/things/{id:str}/history",
        answer,
        query="from to feature property every aggregate limit cursor order format shape",
        repeatable="feature property",
        media="",
    )


async def answer(call: Call) -> Answer:
    """There is no store, which is told to whoever asks rightly."""
    _ = call.thing_id
    check(call.parameters)
    raise HistoryUnavailable("No history store is configured (history.backend is none).")


def check(parameters: Parameters) -> None:
    """See that ranges and names are well-formed.

    Raises:
        ValidationFailed
    """
    for name in ("from", "to"):
        if name in parameters and not _is_time(parameters[name][0]):
            raise at(name, "must be an RFC 3339 time, or one before now such as -1h")
    for name in parameters.get("feature", ()):
        if not is_word(name):
            raise at("feature", "must be 1 to 64 of A-Z a-z 0-9 _ -")
    if "every" in parameters and not _SPAN.fullmatch(parameters["every"][0]):
        raise at("every", "must be a number with ms, s, m, h, d or w, such as 1m")
    if ("every" in parameters) != ("aggregate" in parameters):
        raise at("aggregate", "goes together with every")
    choice(parameters, "aggregate", "mean", AGGREGATES)
    choice(parameters, "order", "asc", ("asc", "desc"))
    choice(parameters, "format", "json", ("json", "csv", "ndjson"))
    choice(parameters, "shape", "long", ("long", "wide"))
    whole_number(parameters, "limit", 1000, MAX_LIMIT)


def _is_time(text: str) -> bool:
    if text.startswith("-"):
        return _SPAN.fullmatch(text[1:]) is not None
    try:
        parse_rfc3339(text)
    except ValueError:
        return False
    return True
