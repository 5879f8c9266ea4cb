"""Thing Registry: what REST and the demo do with Things (FR-1), on the store."""

from collections.abc import Callable
from typing import Protocol, final

from egizcore.errors import (
    AlreadyExists,
    FeatureNotFound,
    PreconditionFailed,
    ThingNotFound,
    ValidationFailed,
    VersionConflict,
)
from egizcore.state.store import Store
from egizcore.thing import (
    Desired,
    Dropped,
    Feature,
    FeatureDraft,
    Part,
    Reported,
    Thing,
    ThingDraft,
    changes_nothing,
    created,
    merging,
    merging_feature,
    replacing,
)


class Precondition(Protocol):
    """What must hold of a Thing's version for a write to happen (RFC 9110, section 13)."""

    def holds(self, version: int | None) -> bool:
        """*version* is None where there is no Thing."""
        ...


@final
class Registry:
    """Creates, replaces, merges and deletes. Check and write are one atomic step.

    *condition* is the request's If-Match or If-None-Match, *version* what its body demands; given
    both, both must hold, and the headers are looked at first. Each method raises
    PreconditionFailed or VersionConflict where one does not, and LimitExceeded where the Thing
    would be too large; then nothing has happened.
    """

    __slots__ = ("_clock", "_skip", "_store")

    def __init__(
        self, store: Store, clock: Callable[[], int], *, skip_unchanged: bool = False
    ) -> None:
        self._store = store
        self._clock = clock
        self._skip = skip_unchanged

    def get(self, thing_id: str) -> Thing:
        """The Thing.

        Raises:
            ThingNotFound
        """
        thing = self._store.things.get(thing_id)
        if thing is None:
            raise ThingNotFound(thing_id)
        return thing

    def feature(self, thing_id: str, name: str) -> Feature:
        """One feature of a Thing.

        Raises:
            ThingNotFound, FeatureNotFound
        """
        feature = self.get(thing_id).features.get(name)
        if feature is None:
            raise FeatureNotFound(thing_id, name)
        return feature

    def create(self, draft: ThingDraft) -> Thing:
        """A new Thing.

        Raises:
            ValidationFailed: no id or no type.
            AlreadyExists
        """
        if draft.id is None:
            raise ValidationFailed.at("/id", "is required")
        if draft.id in self._store.things:
            raise AlreadyExists(draft.id)
        return self._insert(draft.id, draft)

    def put(
        self, thing_id: str, draft: ThingDraft, condition: Precondition | None = None
    ) -> tuple[Thing, bool]:
        """Replace the Thing whole, or create it; True when it was created.

        Raises:
            ValidationFailed: no type.
        """
        thing = self._store.things.get(thing_id)
        self._demand(thing_id, thing, condition, draft.version)
        if thing is None:
            return self._insert(thing_id, draft), True
        if draft.type is None:
            raise ValidationFailed.at("/type", "is required")
        return self._commit(thing, replacing(thing, draft)), False

    def merge(
        self, thing_id: str, draft: ThingDraft, condition: Precondition | None = None
    ) -> Thing:
        """Merge *draft* into the Thing; nothing happens if it says nothing.

        Raises:
            ThingNotFound
        """
        thing = self.get(thing_id)
        self._demand(thing_id, thing, condition, draft.version)
        return self._commit(thing, merging(thing, draft))

    def delete(self, thing_id: str, condition: Precondition | None = None) -> None:
        """Delete the Thing.

        Raises:
            ThingNotFound
        """
        thing = self.get(thing_id)
        self._demand(thing_id, thing, condition, None)
        self._store.remove(thing, self._clock())

    def merge_feature(
        self,
        thing_id: str,
        name: str,
        draft: FeatureDraft,
        condition: Precondition | None = None,
    ) -> Thing:
        """Update a feature in part, as the PRD's ``PUT`` does; created if it is not there.

        Raises:
            ThingNotFound
        """
        thing = self.get(thing_id)
        self._demand(thing_id, thing, condition, draft.version)
        return self._commit(thing, merging_feature(thing, name, draft))

    def delete_feature(
        self, thing_id: str, name: str, condition: Precondition | None = None
    ) -> None:
        """Delete a feature.

        Raises:
            ThingNotFound, FeatureNotFound
        """
        self.feature(thing_id, name)
        thing = self.get(thing_id)
        self._demand(thing_id, thing, condition, None)
        self._commit(thing, [Dropped(name)])

    def _demand(
        self,
        thing_id: str,
        thing: Thing | None,
        condition: Precondition | None,
        version: int | None,
    ) -> None:
        actual = None if thing is None else thing.version
        if condition is not None and not condition.holds(actual):
            raise PreconditionFailed(thing_id)
        if version is not None and version != actual:
            raise VersionConflict(thing_id, version, actual or 0)

    def _insert(self, thing_id: str, draft: ThingDraft) -> Thing:
        if draft.type is None:
            raise ValidationFailed.at("/type", "is required")
        thing = Thing(thing_id, draft.type, 0, self._clock())
        created(draft, thing)
        self._store.insert(thing)
        return thing

    def _commit(self, thing: Thing, parts: list[Part]) -> Thing:
        if self._skip:
            kept = [part for part in parts if not repeats(thing, part)]
            self._store.unchanged += len(parts) - len(kept)
            parts = kept
        if not parts:
            return thing
        room = self._store.check(thing, parts)
        return self._store.commit(thing, parts, room, self._clock())


def repeats(thing: Thing, part: Part) -> bool:
    """Whether *part* is an update of a feature whose every leaf equals what is stored."""
    if not isinstance(part, Reported | Desired):
        return False
    feature = thing.features.get(part.feature)
    if feature is None:
        return False
    old = feature.properties if isinstance(part, Reported) else feature.desired_state
    return changes_nothing(old, part.patch)
