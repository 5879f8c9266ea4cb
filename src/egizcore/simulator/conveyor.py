"""A cooling conveyor: belt speed, and the pieces that pass its counter."""

from random import Random
from typing import Any, Final, final

from egizcore.simulator.batch import Plan
from egizcore.simulator.fault import NONE, PHASE_SAGS, Faults, sagging_phase
from egizcore.simulator.supply import Supply

STAGE: Final = 3
SPEED: Final = 12.0  # metres a minute
PIECES_A_METRE: Final = 3.2
FAULTS: Final = ("jam", "belt-slip", *PHASE_SAGS)
TAU: Final = 2.5  # seconds that the belt takes to change its speed


@final
class Conveyor:
    """A jam stops the belt; a slip lets it run slow and warms the bearing."""

    def __init__(self, device: str, plan: Plan, rng: Random, now: float) -> None:
        self.device = device
        self.state = "running"
        self.pieces_a_minute = 0.0
        self._plan = plan
        self._rng = rng
        self._supply = Supply(rng, full_load=5.0, power_factor=0.85)
        self._faults = Faults(rng, FAULTS, now)
        self._speed = SPEED
        self._bearing = 41.0
        self._pieces = rng.uniform(0.0, 5000.0)
        self._now = now

    @property
    def power_kw(self) -> float:
        """At the last reading."""
        return self._supply.power_kw

    def read(self, now: float) -> dict[str, Any]:
        """Electrical, belt, thermal (the bearing), status and business context."""
        fault = self._faults.at(now)
        wanted = {"jam": 0.0, "belt-slip": 0.45 * SPEED}.get(fault, SPEED)
        seconds, self._now = now - self._now, now
        self._speed += (wanted - self._speed) * min(1.0, seconds / TAU)
        warm = 68.0 if fault in {"jam", "belt-slip"} else 41.0
        self._bearing += (warm - self._bearing) * min(1.0, seconds / 40.0)
        self.pieces_a_minute = self._speed * PIECES_A_METRE
        self._pieces += self.pieces_a_minute * seconds / 60.0
        self.state = "fault" if fault == "jam" else "running"
        load = 0.95 if fault in {"jam", "belt-slip"} else 0.15 + 0.4 * self._speed / SPEED
        gauss = self._rng.gauss
        return {
            "electrical": self._supply.read(load, sag=sagging_phase(fault)),
            "belt": {
                "speed_m_min": round(max(0.0, self._speed + gauss(0.0, 0.05)), 2),
                "pieces_total": int(self._pieces),
            },
            "thermal": {"bearing_temperature": round(self._bearing + gauss(0.0, 0.2), 1)},
            "status": {
                "operational_state": self.state,
                "anomaly": fault != NONE,
                "fault": fault,
            },
            "business_context": self._plan.at(now, STAGE).context(),
        }
