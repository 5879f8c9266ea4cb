"""What would come of a message (``POST /api/v1/ingest/test``); changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import final

from egizcore.errors import LimitExceeded
from egizcore.ingest.decode import LIMIT_EXCEEDED, Refused
from egizcore.ingest.intake import Intake
from egizcore.ingest.route import BAD_TOPIC, Routes, Target
from egizcore.mqtt import ProtocolError, check_name


@final
class IngestView:
    """What a person can see of ingestion."""

    def __init__(self, intake: Intake, routes: Routes, clock: Callable[[], int]) -> None:
        self._intake = intake
        self._routes = routes
        self._clock = clock

    def rejected(self) -> Sequence[object]:
        """The newest rejects, newest first."""
        return self._intake.rejected.items()

    def unknown(self) -> Sequence[object]:
        """The devices that nothing maps to a Thing, newest first."""
        return self._intake.unknown.items()

    def test(self, topic: str, payload: bytes) -> Mapping[str, object]:
        """The answer of ``POST /api/v1/ingest/test``."""
        target = self._routes.resolve(topic)
        try:
            check_name(topic)
            order = self._intake.read(target, payload, self._clock())
            plan = self._intake.weigh(order)
        except ProtocolError as error:
            return self._refused(target, BAD_TOPIC, str(error))
        except Refused as refusal:
            return self._refused(target, refusal.reason, refusal.message)
        except LimitExceeded as error:
            return self._refused(target, LIMIT_EXCEEDED, error.detail)
        return {
            "accepted": True,
            "route": None if target.route is None else target.route.topic,
            "device": order.device,
            "thingId": order.thing_id,
            "created": bool(plan.parts) and not self._intake.knows(order.thing_id),
            "changes": [{"feature": part.feature, "properties": part.patch} for part in plan.parts],
        }

    def _refused(self, target: Target, reason: str, message: str) -> Mapping[str, object]:
        """*tried* ends with the route that matched, which is where it went wrong."""
        tried = [{"route": one.route, "why": one.why} for one in self._routes.tried(target.topic)]
        if target.route is not None:
            tried.append({"route": target.route.topic, "why": message})
        return {"accepted": False, "reason": reason, "message": message, "tried": tried}
