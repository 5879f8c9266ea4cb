"""D: what msgspec takes to decode the electrical payload, in this minute on this machine."""

from timeit import repeat
from typing import Final

import msgspec

PAYLOAD: Final = (
    b'{"electrical":{"voltage":{"a":220.5,"b":219.8,"c":221.0},'
    b'"current":{"a":15.2,"b":14.8,"c":15.5},"power_factor":0.92}}'
)


def yardstick() -> float:
    """Microseconds."""
    decode = msgspec.json.Decoder().decode
    rounds = 20_000
    return min(repeat(lambda: decode(PAYLOAD), number=rounds, repeat=5)) / rounds * 1e6
