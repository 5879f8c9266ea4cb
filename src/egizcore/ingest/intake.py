"""Batches of publications in, changes of the state out (FR-3.1 to FR-3.3)."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias, final

import structlog

from egizcore.errors import LimitExceeded
from egizcore.ingest.decode import (
    BAD_JSON,
    BAD_PAYLOAD,
    LIMIT_EXCEEDED,
    LOOSE,
    Refused,
    Sample,
    decode_features,
    decode_loose,
    decode_properties,
    device_of,
    features_of,
    is_flat,
    read_payload,
    sample_of,
    take,
)
from egizcore.ingest.rejected import RejectedList, UnknownList
from egizcore.ingest.route import (
    BAD_TOPIC,
    NO_ROUTE,
    UNKNOWN_DEVICE,
    Route,
    Routes,
    Target,
    not_a_feature,
    not_a_thing,
    not_mapped,
)
from egizcore.mqtt import Origin
from egizcore.state import APPLIED, LATE, UNCHANGED, Plan, Reading, Store, settle, weigh
from egizcore.thing import Thing, is_thing_id, is_word, rfc3339

_log = structlog.get_logger("egizcore.ingest")

OUTCOMES: Final = (
    APPLIED,
    UNCHANGED,
    LATE,
    NO_ROUTE,
    BAD_TOPIC,
    UNKNOWN_DEVICE,
    BAD_JSON,
    BAD_PAYLOAD,
    LIMIT_EXCEEDED,
)


# Told when another device, or another connection, begins to report for a Thing: the Thing, the
# device if the message names one, where it came from. Gives the device that it is taken for.
Heard: TypeAlias = Callable[[Thing, str | None, Origin], str | None]


class Order(NamedTuple):
    """What one message asks of the state."""

    thing_id: str
    kind: str
    device: str | None
    reading: Reading


def _named(thing: Thing, device: str | None, origin: Origin) -> str | None:  # noqa: ARG001
    """Nobody asks who reports."""
    thing.reporter = device
    return device


@final
class Intake:
    """Turns publications into changes; each message counts once, under one outcome.

    A reject is counted and listed and costs nothing else: never raises.
    """

    __slots__ = (
        "_clock",
        "_create",
        "_heard",
        "_routes",
        "_skip",
        "_store",
        "counts",
        "errors",
        "rejected",
        "unknown",
    )

    def __init__(
        self,
        store: Store,
        routes: Routes,
        clock: Callable[[], int],
        *,
        create_unknown: bool = True,
        skip_unchanged: bool = False,
        heard: Heard = _named,
    ) -> None:
        self._store = store
        self._routes = routes
        self._clock = clock
        self._create = create_unknown
        self._skip = skip_unchanged
        self._heard = heard
        self.counts: dict[str, dict[str, int]] = {}  # source → outcome → messages
        self.errors = 0
        self.rejected = RejectedList()
        self.unknown = UnknownList()

    def add_source(self, source: str) -> None:
        """Its series exist, at zero, from now on."""
        self.counts.setdefault(source, dict.fromkeys(OUTCOMES, 0))

    def take(self, batch: Iterable[tuple[Target, bytes, bool]], origin: Origin) -> None:
        """Apply what one socket read contained, in order."""
        at = self._clock()
        timestamp = rfc3339(at)
        things = self._store.things
        report = self._store.report
        applies = not self._skip
        plain = 0
        reading: dict[str, dict[str, Any]]
        for target, payload, retained in batch:
            if target.plain and not retained and (applies or target.applies):
                thing = target.thing
                if thing is None:
                    target.thing = thing = things.get(target.thing_id)
                if thing is not None:
                    try:
                        if target.feature is not None:
                            reading = {target.feature: decode_properties(payload)}
                        elif target.loose:
                            reading = {LOOSE: decode_loose(payload)}
                        else:
                            reading = decode_features(payload)
                    except (ValueError, RecursionError):
                        pass  # no flat payload, or none at all: the careful road tells
                    else:
                        if report(thing, reading, len(payload), at, timestamp):
                            plain += 1
                            if target.origin is not origin or thing.reporter is not target.reporter:
                                self._note(target, thing, origin)
                            continue
            self._take_one(target, payload, at, origin, retained=retained)
        self.counts[origin.source][APPLIED] += plain

    def _take_one(
        self, target: Target, payload: bytes, at: int, origin: Origin, *, retained: bool
    ) -> None:
        source = origin.source
        target.thing = None  # it may be gone
        try:
            order = self.read(target, payload, at, retained=retained)
            outcome = self._apply(order, len(payload), at)
        except Refused as refusal:
            outcome, message = refusal.reason, refusal.message
            if outcome == UNKNOWN_DEVICE and refusal.device is not None:
                self.unknown.add(at, refusal.device, target.topic)
        except LimitExceeded as error:
            outcome, message = LIMIT_EXCEEDED, error.detail
        except Exception:  # noqa: BLE001 - our own fault must not cost the message's neighbours
            self.errors += 1
            if self.errors == 1:  # the counter tells of the others
                _log.exception("a message could not be applied", topic=target.topic)
            outcome, message = BAD_PAYLOAD, "EgizCore failed on this message; its log has more"
        else:
            self.counts[source][outcome] += 1
            thing = self._store.things.get(order.thing_id)
            if thing is not None:
                self._heard(thing, order.device, origin)
            return
        self.rejected.add(at, source, target.topic, payload, reason=outcome, message=message)
        self.counts[source][outcome] += 1

    def _note(self, target: Target, thing: Thing, origin: Origin) -> None:
        """Somebody else than before reports for *thing*, or over another connection."""
        target.reporter = self._heard(thing, target.device, origin)
        target.origin = origin

    def _apply(self, order: Order, size: int, at: int) -> str:
        thing = self._store.things.get(order.thing_id)
        reading = order.reading
        if (
            thing is not None
            and reading.is_plain
            and is_flat(reading.features)
            and self._store.report(thing, reading.features, size, at, rfc3339(at))
        ):
            return APPLIED
        self._admit(order)
        return settle(self._store, order.thing_id, order.kind, reading)

    def weigh(self, order: Order) -> Plan:
        """What would come of *order*; changes nothing.

        Raises:
            Refused, LimitExceeded
        """
        self._admit(order)
        return weigh(self._store, order.thing_id, order.kind, order.reading)

    def knows(self, thing_id: str) -> bool:
        """Whether there is such a Thing."""
        return thing_id in self._store.things

    def _admit(self, order: Order) -> None:
        if not self._create and order.reading.features and not self.knows(order.thing_id):
            message = f"there is no Thing {order.thing_id!r} to report for"
            raise Refused(UNKNOWN_DEVICE, message, order.device)

    def read(self, target: Target, payload: bytes, at: int, *, retained: bool = False) -> Order:
        """What the message asks, without doing it.

        Raises:
            Refused: with the outcome and why.
        """
        if target.reason is not None or target.route is None:
            raise Refused(target.reason or NO_ROUTE, target.message, target.device)
        route = target.route
        members = read_payload(payload)
        target.loose = not any(isinstance(member, dict) for member in members.values())
        sample = Sample()
        if route.time is not None:
            clock = take(members, route.time)
            sample = Sample() if clock is None else sample_of(clock, at)
        device, thing_id, feature = target.device, target.thing_id, target.feature
        if route.device is not None:
            device = device_of(take(members, route.device))
            thing_id, feature = self._from_payload(route, target, device)
        reading = Reading(
            features_of(members, route, feature, self._store.nesting),
            at,
            sample.at,
            sample.quality,
            self._skips(route),
            retained,
            len(payload) + route.named,
        )
        return Order(thing_id, route.type, device, reading)

    def _skips(self, route: Route) -> bool:
        return self._skip if route.unchanged is None else route.unchanged == "skip"

    def _from_payload(self, route: Route, target: Target, device: str) -> tuple[str, str | None]:
        """Thing and feature where the payload names the device."""
        thing_id = self._routes.thing_of(route, device, target.captures)
        if thing_id is None:
            raise Refused(UNKNOWN_DEVICE, not_mapped(device), device)
        feature = self._routes.feature_of(route, device, target.captures)
        if feature is not None and not is_word(feature):
            raise Refused(_blamed(route.feature), not_a_feature(feature), device)
        if not is_thing_id(thing_id):
            raise Refused(_blamed(route.thing), not_a_thing(thing_id), device)
        return thing_id, feature


def _blamed(template: str | None) -> str:
    """Who made *template* come to nothing: the payload's device, or the topic's captures."""
    return BAD_PAYLOAD if template is not None and "{device}" in template else BAD_TOPIC
