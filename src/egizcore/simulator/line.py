"""The line's own controller: what its machines do together."""

from collections.abc import Sequence
from typing import Any, Final, final

from egizcore.simulator.batch import Plan
from egizcore.simulator.conveyor import Conveyor
from egizcore.simulator.machine import Machine

STAGE: Final = 3


@final
class Line:
    """Sums up its *machines* as they last reported; an anomaly is theirs to tell, not its own."""

    def __init__(self, device: str, plan: Plan, machines: Sequence[Machine]) -> None:
        self.device = device
        self.state = "running"
        self._plan = plan
        self._machines = machines

    @property
    def power_kw(self) -> float:
        """Of all its machines together."""
        return sum(machine.power_kw for machine in self._machines)

    def read(self, now: float) -> dict[str, Any]:
        """Production, energy, status and business context."""
        belts = [machine for machine in self._machines if isinstance(machine, Conveyor)]
        stopped = sum(machine.state == "fault" for machine in self._machines)
        self.state = "degraded" if stopped else "running"
        return {
            "production": {
                "pieces_per_minute": round(sum(belt.pieces_a_minute for belt in belts), 1),
                "machines_running": sum(machine.state == "running" for machine in self._machines),
                "machines_stopped": stopped,
            },
            "energy": {"power_kw": round(self.power_kw, 2)},
            "status": {"operational_state": self.state, "anomaly": False},
            "business_context": self._plan.at(now, STAGE).context(),
        }
