"""D: what msgspec takes to decode the electrical payload, in the same run as what is measured."""

from time import process_time
from typing import Final

import msgspec

PAYLOAD: Final = (
    b'{"electrical":{"voltage":{"a":220.5,"b":219.8,"c":221.0},'
    b'"current":{"a":15.2,"b":14.8,"c":15.5},"power_factor":0.92}}'
)
COUNT: Final = 5_000
_decode = msgspec.json.Decoder().decode


def decoded() -> float:
    """Seconds for one decode, once measured."""
    began = process_time()
    for _ in range(COUNT):
        _decode(PAYLOAD)
    return (process_time() - began) / COUNT
