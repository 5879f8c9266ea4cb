"""All sections as one Struct, and what only holds between sections."""

from collections.abc import Iterator
from typing import Any, Literal, final

from msgspec import Struct, field

from egizcore.command import CommandSettings
from egizcore.errors import SettingsInvalid
from egizcore.history import HistorySettings, InfluxSettings, see_influx
from egizcore.ingest import MqttSettings
from egizcore.mqtt import EndpointSettings
from egizcore.observability import ObservabilitySettings
from egizcore.quantity import masked
from egizcore.rest import HttpSettings, is_loopback
from egizcore.state import LimitSettings, StateSettings
from egizcore.stream import StreamSettings


@final
class AuthSettings(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who may come in. *allow_insecure* lets other machines in although nobody is asked."""

    mode: Literal["none"] = "none"
    allow_insecure: bool = False


@final
class Settings(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One section for each member."""

    http: HttpSettings = field(default_factory=HttpSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    commands: CommandSettings = field(default_factory=CommandSettings)
    state: StateSettings = field(default_factory=StateSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    influxdb: InfluxSettings = field(default_factory=InfluxSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    observability: ObservabilitySettings = field(default_factory=ObservabilitySettings)


def outline(settings: Settings) -> Iterator[str]:
    """One line for each section: its values, maps and lists as their number, no secrets."""
    for section in settings.__struct_fields__:
        room: Struct = getattr(settings, section)
        members = ((name, getattr(room, name)) for name in room.__struct_fields__)
        told = [f"{name} {_shown(value)}" for name, value in members if value is not None]
        yield f"{section}: {', '.join(told)}"


def read_passwords(settings: Settings) -> None:
    """Find out whether each password or token file that is used can be read, and start nothing.

    Raises:
        SettingsInvalid: one cannot be read.
    """
    if settings.history.backend == "influxdb":
        settings.influxdb.token()
    for link in (settings.mqtt, *settings.mqtt.connections.values()):
        if link.url is not None:
            link.address()


def refuse_contradictions(settings: Settings) -> None:
    """What is wrong only where two sections are seen together. Raises `SettingsInvalid`."""
    _refuse_open_doors(settings)
    see_influx(settings.history, settings.influxdb)


def _refuse_open_doors(settings: Settings) -> None:
    """Without authentication only this machine comes in, unless it is said aloud."""
    if settings.auth.allow_insecure:
        return
    for key, host in (("http.host", settings.http.host), ("endpoint.host", settings.endpoint.host)):
        if not is_loopback(host):
            raise SettingsInvalid(
                f"{key}: '{host}' lets other machines in, and with auth.mode none nobody is asked",
                hint="Set it to 127.0.0.1, or set auth.allow_insecure to true.",
            )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return masked(value)
    return str(len(value)) if isinstance(value, list | tuple | dict | frozenset) else str(value)
