"""A spiral mixer: dough thickens, torque rises, the bowl is emptied, and again."""

from random import Random
from typing import Any, Final, final

from egizcore.simulator.batch import Plan
from egizcore.simulator.fault import NONE, PHASE_SAGS, Faults, sagging_phase
from egizcore.simulator.supply import Supply

STAGE: Final = 0
CYCLE: Final = 80.0  # seconds of one bowl
KNEADING: Final = 0.8  # share of the cycle; the rest is emptying and filling
FAULTS: Final = ("overload", *PHASE_SAGS)
TAU: Final = 3.0  # seconds that the drive takes to change its speed


@final
class Mixer:
    """Speed in revolutions a minute, torque in newton metres, dough temperature in °C."""

    def __init__(self, device: str, plan: Plan, rng: Random, now: float) -> None:
        self.device = device
        self.state = "idle"
        self._plan = plan
        self._rng = rng
        self._supply = Supply(rng, full_load=16.0, power_factor=0.88)
        self._faults = Faults(rng, FAULTS, now)
        self._phase = rng.uniform(0.0, CYCLE)
        self._speed = 0.0
        self._now = now

    @property
    def power_kw(self) -> float:
        """At the last reading."""
        return self._supply.power_kw

    def read(self, now: float) -> dict[str, Any]:
        """Electrical, drive, thermal (the dough), status and business context."""
        fault = self._faults.at(now)
        batch = self._plan.at(now, STAGE)
        done = ((now + self._phase) % CYCLE) / CYCLE / KNEADING  # 1 and over: bowl empty
        kneading = done < 1.0
        speed = self._turn(now, batch.recipe.mixing_speed if kneading else 0.0, fault)
        torque = (70.0 + 150.0 * done) * (1.9 if fault == "overload" else 1.0) if kneading else 4.0
        self.state = "running" if kneading else "idle"
        if fault == "overload":
            self.state = "fault"
        gauss = self._rng.gauss
        return {
            "electrical": self._supply.read(speed * torque / 24_000.0, sag=sagging_phase(fault)),
            "drive": {
                "speed_rpm": round(max(0.0, speed + gauss(0.0, 0.6)), 1),
                "torque_nm": round(max(0.0, torque + gauss(0.0, 2.0)), 1),
            },
            "thermal": {
                "dough_temperature": round(21.0 + 5.0 * min(done, 1.0) + gauss(0.0, 0.1), 1)
            },
            "status": {
                "operational_state": self.state,
                "anomaly": fault != NONE,
                "fault": fault,
            },
            "business_context": batch.context(),
        }

    def _turn(self, now: float, wanted: float, fault: str) -> float:
        if fault == "overload":
            wanted *= 0.55
        share = min(1.0, (now - self._now) / TAU)
        self._speed += (wanted - self._speed) * share
        self._now = now
        return self._speed
