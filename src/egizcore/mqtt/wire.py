"""The data types of MQTT 5, section 1.5, read and written.

Every read is checked against the packet's end and raises `ProtocolError` (0x81), so a decoder
above it needs no bounds of its own.
"""

from typing import final

from egizcore.mqtt.reason import malformed

MAX_VARINT = 268_435_455
MAX_BYTES = 65_535


@final
class Reader:
    """A cursor over one packet's body."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def _advance(self, size: int) -> int:
        start = self.at
        if start + size > self.end:
            raise malformed("the packet ends inside a field")
        self.at = start + size
        return start

    def byte(self) -> int:
        """One byte (1.5.1)."""
        return self.data[self._advance(1)]

    def two(self) -> int:
        """A two byte integer (1.5.2)."""
        start = self._advance(2)
        return self.data[start] << 8 | self.data[start + 1]

    def four(self) -> int:
        """A four byte integer (1.5.3)."""
        start = self._advance(4)
        return int.from_bytes(self.data[start : start + 4], "big")

    def varint(self) -> int:
        """A variable byte integer (1.5.5), in as few bytes as can be."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise malformed("a variable byte integer has a needless byte")
                return value
        raise malformed("a variable byte integer has more than four bytes")

    def binary(self) -> bytes:
        """Binary data (1.5.6): two bytes of length, then as many bytes."""
        size = self.two()
        start = self._advance(size)
        return self.data[start : start + size]

    def text(self) -> str:
        """A UTF-8 string (1.5.4): neither surrogates nor U+0000."""
        return decode_text(self.binary())

    def rest(self) -> bytes:
        """All that is left."""
        start = self.at
        self.at = self.end
        return self.data[start : self.end]

    def more(self) -> bool:
        """Is anything left?"""
        return self.at < self.end

    def finish(self) -> None:
        """Nothing may be left."""
        if self.at != self.end:
            raise malformed("bytes are left after the last field")


def decode_text(raw: bytes) -> str:
    """UTF-8 by 1.5.4: ill-formed bytes, surrogates and U+0000 are malformed."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise malformed("a string is not UTF-8") from None
    if "\0" in text:
        raise malformed("a string contains U+0000")
    return text


def two(value: int) -> bytes:
    """A two byte integer."""
    return value.to_bytes(2, "big")


def four(value: int) -> bytes:
    """A four byte integer."""
    return value.to_bytes(4, "big")


def varint(value: int) -> bytes:
    """A variable byte integer; `ValueError` above 268,435,455."""
    if not 0 <= value <= MAX_VARINT:
        detail = f"{value} does not fit a variable byte integer"
        raise ValueError(detail)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def binary(value: bytes) -> bytes:
    """Binary data with its length; `ValueError` above 65,535 bytes."""
    if len(value) > MAX_BYTES:
        detail = f"{len(value)} bytes do not fit a field of 65,535"
        raise ValueError(detail)
    return two(len(value)) + value


def text(value: str) -> bytes:
    """A UTF-8 string with its length."""
    return binary(value.encode())
