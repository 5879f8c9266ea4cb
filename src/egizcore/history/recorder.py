"""Which samples are kept, and their way to the store (contract.md, section 5, ``history.sample``).

The hot path compares one integer a feature: the time from which its next report is *due*. Only
what is due comes here. A feature that has just been kept is *watched*: should it change again
and then rest before it is due, its last state is kept within a second all the same, so history
is never more than that behind what lasts.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Any, Final, final

import structlog

from egizcore.backoff import FIRST, HELD, Backoff
from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history.archive import Archive
from egizcore.history.outbox import Outbox
from egizcore.history.point import Point
from egizcore.history.settings import HistorySettings
from egizcore.thing import NEVER, Feature, Thing

AT_ONCE: Final = NEVER
"""When the next report is due: whenever it comes."""
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at the watched features."""
RESTED: Final = 2
"""Looks at which a feature was the same since it changed: 0.5 to 0.75 s."""
ASLEEP: Final = 2.0
"""Seconds after which nobody looks at it any more, unless it is due before: a change after that
is kept at once."""
LAST_TRIES: Final = 3
"""How often the store may fail at the end before what waits is given up."""
GATHER: Final = 0.05
"""Seconds for what comes together to be written together."""
SLICE: Final = 100
"""Features that are looked at in one turn of the loop, some 30 µs; or the hundredth part of all,
where that is more. The turns are spread over ``LOOK_EVERY``: in one go they would be the p99 of
everybody's latency."""
BATCH: Final = 5_000
"""Points of one write; fewer where the store could not do so many in time."""
BATCH_LEAVES: Final = 200_000
"""Leaves of one write, unless a single point has more: what a store makes of them is bounded."""

_log = structlog.get_logger("egizcore.history")


@final
class _Watch:
    """A feature that was kept a moment ago."""

    __slots__ = ("feature", "kept", "looks", "name", "sample", "seen", "thing_id", "type")

    def __init__(self, thing: Thing, name: str, feature: Feature, sample: int) -> None:
        self.thing_id = thing.id
        self.type = thing.type
        self.name = name
        self.feature = feature
        self.kept = self.seen = feature.properties  # each report brings a new dictionary
        self.looks = 0  # since it was seen to change
        self.sample = sample


@final
class Recorder:
    """Takes what is due and writes it in batches; while the store is down the oldest go.

    ``due`` and ``late`` are what ``Store.record_with`` wants; ``watch`` and ``write`` run while
    the engine does, ``finish`` after all inputs have stopped.
    """

    def __init__(self, settings: HistorySettings, archive: Archive) -> None:
        self._archive = archive
        self._bound = settings.outbox
        self._sample = _milliseconds(settings.sample)
        self._samples = {
            name: _milliseconds(span) for name, span in settings.sample_features.items()
        }
        self._outbox = Outbox(settings.outbox)  # what goes is counted
        # At most one a feature that reported in the last ASLEEP seconds.
        self._watched: dict[Feature, _Watch] = {}
        self._most = BATCH  # points of the next write
        self._wake = asyncio.Event()
        self._is_dropping = False
        self.written = 0
        self.dropped = 0
        self.conflict = 0
        self.failures = 0

    @property
    def waiting(self) -> int:
        """Points in the outbox."""
        return len(self._outbox)

    @property
    def message(self) -> str:
        """What is lost at present, for ``/health``; empty: nothing."""
        if not self._is_dropping:
            return ""
        return f"the outbox is full, {self.dropped} of the oldest samples were dropped so far"

    # What comes in ----------------------------------------------------------------------------

    def due(self, thing: Thing, name: str, feature: Feature, at: int) -> None:
        """Keep the properties of *feature* as of *at*, and say when the next ones are due."""
        if not feature.properties:
            return
        sample = self._samples.get(name, self._sample)
        self._keep(Point(thing.id, thing.type, name, at, feature.properties))
        if sample == 0:
            feature.due = AT_ONCE
            return
        feature.due = at + sample
        watch = self._watched.get(feature)
        if watch is None:
            self._watched[feature] = _Watch(thing, name, feature, sample)
        else:
            watch.type = thing.type
            watch.kept = watch.seen = feature.properties
            watch.looks = 0

    def late(self, thing: Thing, name: str, patch: Mapping[str, Any], at: int) -> None:
        """Keep a sample that the live state no longer takes."""
        self._keep(Point(thing.id, thing.type, name, at, patch))

    def _keep(self, point: Point) -> None:
        self._drop(self._outbox.put(point))

    def _drop(self, count: int) -> None:
        self.dropped += count
        if count and not self._is_dropping:
            self._is_dropping = True
            _log.warning("history's outbox is full: the oldest samples go", outbox=self._bound)

    # The last state before a rest -------------------------------------------------------------

    async def watch(self) -> None:
        """Keep what rests, for ever."""
        while True:
            await self.look(LOOK_EVERY)
            if self._outbox:
                self._wake.set()

    async def look(self, seconds: float = 0.0) -> None:
        """One look at each watched feature, which takes *seconds*."""
        watches = list(self._watched.values())
        size = max(SLICE, len(watches) // 100)
        began = monotonic()
        for start in range(0, max(len(watches), 1), size):
            part = min(1.0, (start + size) / max(len(watches), 1))
            await asyncio.sleep(began + seconds * part - monotonic())
            for watch in watches[start : start + size]:
                self._look_at(watch)

    def _look_at(self, watch: _Watch) -> None:
        properties = watch.feature.properties
        watch.looks += 1
        if properties is not watch.seen:
            watch.seen = properties
            watch.looks = 0
            if watch.feature.reported_at + watch.sample < watch.feature.due:
                watch.feature.due = AT_ONCE  # the clock was set back
        elif properties is not watch.kept:
            if watch.looks == RESTED:
                self._keep_last(watch)
        elif watch.looks * _LOOK > min(watch.sample, _ASLEEP):
            del self._watched[watch.feature]
            watch.feature.due = AT_ONCE

    def _keep_last(self, watch: _Watch) -> None:
        feature = watch.feature
        watch.kept = watch.seen = feature.properties
        if not feature.properties:
            return
        at = feature.reported_at
        self._keep(Point(watch.thing_id, watch.type, watch.name, at, feature.properties))
        feature.due = at + watch.sample
        watch.looks = 0
        self._wake.set()

    # What goes out ----------------------------------------------------------------------------

    async def write(self) -> None:
        """Write what waits, for ever; a store that fails is tried again and again."""
        backoff = Backoff(Random())  # noqa: S311 - no key
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER)
            self._wake.clear()
            while self._outbox:
                try:
                    await self._write_some()
                except (HistoryUnavailable, HistoryTimeout) as error:
                    self.failures += 1
                    asked = error.retry_after if isinstance(error, HistoryUnavailable) else None
                    await asyncio.sleep(max(backoff.next(), asked or 0.0))
                else:
                    backoff.held(HELD)
            if self._is_dropping:
                self._is_dropping = False
                _log.info("history keeps up again", dropped=self.dropped)

    async def _write_some(self) -> None:
        batch = self._outbox.take(self._most, BATCH_LEAVES)
        try:
            done = await self._archive.write(batch)
        except BaseException as error:
            if isinstance(error, HistoryTimeout):
                self._most = max(len(batch) // 2, 1)
            self._drop(self._outbox.put_back(batch))
            raise
        self._most = min(self._most * 2, BATCH)
        self.written += done.written
        self.conflict += done.conflict

    async def finish(self, seconds: float) -> None:
        """Write all that is left, the last state of each feature too, within *seconds*."""
        for watch in list(self._watched.values()):
            if watch.feature.properties is not watch.kept:
                self._keep_last(watch)
        tries = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._outbox and tries < LAST_TRIES:
                    try:
                        await self._write_some()
                    except (HistoryUnavailable, HistoryTimeout):
                        tries += 1
                        await asyncio.sleep(FIRST)
                    except Exception:  # noqa: BLE001 - the others have their end to make too
                        _log.exception("the last samples could not be written")
                        break
        lost = len(self._outbox)
        if lost:
            self._outbox.clear()
            self.dropped += lost
            _log.warning("samples could not be written before the end", dropped=lost)


def _milliseconds(span: float) -> int:
    return round(span * 1000)


_LOOK: Final = _milliseconds(LOOK_EVERY)
_ASLEEP: Final = _milliseconds(ASLEEP)
