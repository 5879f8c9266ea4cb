"""The command topic of a device, and the device of a command topic."""

from typing import Final, final

from egizcore.mqtt import ProtocolError, check_name

_DEVICE: Final = "{device}"
_UNFIT: Final = frozenset("/+#")  # would reach other topics than the device's own, or none
_MAX_BYTES: Final = 65_535  # of a topic name (MQTT 5, section 1.5.4)


@final
class Address:
    """One template, ``devices/{device}/desired``, read in both directions.

    Raises:
        ValueError: ``{device}`` does not stand in it once, as a whole level, or the rest is no
            topic name.
    """

    __slots__ = ("_prefix", "_suffix")

    def __init__(self, template: str) -> None:
        if template.split("/").count(_DEVICE) != 1 or template.count("{") + template.count("}") > 2:
            raise ValueError(f"`topic` must have {_DEVICE} once, as a whole level")
        self._prefix, _, self._suffix = template.partition(_DEVICE)
        try:
            check_name(self._prefix + "x" + self._suffix)
        except ProtocolError as error:
            raise ValueError(f"`topic`: {error}") from None

    def topic(self, device: str) -> str | None:
        """Where *device* hears its commands; None for a name that cannot be a level.

        Some brokers end a connection whose topics have characters that nobody can print (MQTT 5,
        section 1.5.4), and a device's name may come out of a payload.
        """
        if not device or not device.isprintable() or not _UNFIT.isdisjoint(device):
            return None
        topic = self._prefix + device + self._suffix
        return topic if len(topic.encode(errors="surrogatepass")) <= _MAX_BYTES else None

    def device(self, topic: str) -> str | None:
        """Whose command topic this is; None for any other topic or filter."""
        if not (topic.startswith(self._prefix) and topic.endswith(self._suffix)):
            return None
        device = topic[len(self._prefix) : len(topic) - len(self._suffix)]
        return device if self.topic(device) == topic else None
