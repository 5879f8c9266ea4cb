"""What every machine of the bakery can do."""

from typing import Any, Protocol


class Machine(Protocol):
    """One device. Time is an argument: seconds of any clock that never goes back."""

    @property
    def device(self) -> str:
        """Its device id, which is its MQTT client id too."""
        ...

    @property
    def power_kw(self) -> float:
        """What it drew at its last reading."""
        ...

    @property
    def state(self) -> str:
        """``running``, ``heating``, ``fault`` or ``idle`` at its last reading."""
        ...

    def read(self, now: float) -> dict[str, Any]:
        """Let the time up to *now* pass, then report: telemetry of contract.md, section 4."""
        ...
