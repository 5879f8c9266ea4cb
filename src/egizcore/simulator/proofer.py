"""A proofing cabinet: warm, damp air for dough that rises."""

from random import Random
from typing import Any, Final, final

from egizcore.simulator.batch import Plan
from egizcore.simulator.fault import NONE, PHASE_SAGS, Faults, sagging_phase
from egizcore.simulator.heat import Zone
from egizcore.simulator.supply import Supply

STAGE: Final = 1
SETPOINT: Final = 34.0
ROOM_HUMIDITY: Final = 38.0
TAU: Final = 60.0  # seconds in which the air follows the humidifier, or the room without it
FAULTS: Final = ("humidifier", *PHASE_SAGS)


@final
class Proofer:
    """Temperature in °C, relative humidity in %, both held at a setpoint."""

    def __init__(self, device: str, plan: Plan, rng: Random, now: float) -> None:
        self.device = device
        self.setpoint = SETPOINT
        self.state = "running"
        self._plan = plan
        self._rng = rng
        self._supply = Supply(rng, full_load=9.0, power_factor=0.94)
        self._faults = Faults(rng, FAULTS, now)
        self._zone = Zone(rng, at=SETPOINT + rng.gauss(0.0, 1.0), rise=25.0, tau=150.0)
        self._humidity = plan.at(now, STAGE).recipe.proof_humidity
        self._now = now

    @property
    def power_kw(self) -> float:
        """At the last reading."""
        return self._supply.power_kw

    def read(self, now: float) -> dict[str, Any]:
        """Electrical, thermal, climate, status and business context."""
        fault = self._faults.at(now)
        batch = self._plan.at(now, STAGE)
        seconds, self._now = now - self._now, now
        self._zone.advance(seconds, self.setpoint)
        wanted = batch.recipe.proof_humidity
        target = ROOM_HUMIDITY if fault == "humidifier" else wanted
        self._humidity += (target - self._humidity) * min(1.0, seconds / TAU)
        gauss = self._rng.gauss
        return {
            "electrical": self._supply.read(self._zone.drive, sag=sagging_phase(fault)),
            "thermal": {"temperature": self._zone.read(), "setpoint": self.setpoint},
            "climate": {
                "humidity_percent": round(self._humidity + gauss(0.0, 0.3), 1),
                "humidity_setpoint": wanted,
            },
            "status": {
                "operational_state": self.state,
                "anomaly": fault != NONE,
                "fault": fault,
            },
            "business_context": batch.context(),
        }
