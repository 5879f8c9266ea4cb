"""What can be set of history (contract.md, sections 5 and 7)."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from egizcore.errors import SettingsInvalid
from egizcore.quantity import Duration, Size

SMALLEST = Size(16 * 1024 * 1024)


class HistorySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``history``: where samples are kept, and which."""

    backend: Literal["none", "sqlite", "influxdb"] = "none"
    record: bool | None = None
    """Whether EgizCore writes what it sees. Not set: with sqlite it does, with influxdb Telegraf
    does, as in the customer's picture."""
    path: str = "egizcore-history.db"
    """The file of sqlite, in the working folder."""
    keep: Duration = Duration(7 * 86_400)
    """Samples older than this go (sqlite)."""
    max_size: Size = Size(2 << 30)
    """Past this size of the file the oldest samples go (sqlite)."""
    sample: Duration = Duration(1)
    """A feature's properties are kept when this much time has passed since its last sample; 0s
    keeps each change."""
    sample_features: dict[str, Duration] = field(default_factory=dict)
    """The same for features of these names."""
    outbox: Annotated[int, Meta(ge=1, le=10_000_000)] = 200_000
    """Samples that wait while the store is down; the oldest go first, and are counted."""

    def __post_init__(self) -> None:
        """Refuse a file too small to work in, and one that keeps nothing."""
        if self.keep <= 0:
            raise ValueError("`keep` is more than 0s: to keep nothing leave `backend` at none")
        if self.max_size < SMALLEST:
            raise ValueError(f"`max_size` is at least {SMALLEST}")

    @property
    def records(self) -> bool:
        """Whether samples are written."""
        if self.backend == "none":
            return False
        return self.backend == "sqlite" if self.record is None else self.record


class MappingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the names of another archiver, such as Telegraf, are read; by default as our own."""

    measurement: str = "{feature}"
    """The measurement of a feature, or one fixed name."""
    tag: str = "thing_id"
    """The tag that says whose sample it is."""
    value: str = "{device}"
    """What that tag holds: ``sensors/{device}/telemetry`` where it is the topic."""
    thing: str = "{device}"
    """The Thing of a device that ``mqtt.devices`` does not name."""
    field: str = "{property}"
    """The name of a field; ``{feature}`` stands in it where the measurement has none."""
    separator: str = "."
    """What joins the names of nested properties, and places in arrays. With a point they are in
    brackets, and names are escaped, as in a history's answer."""

    def __post_init__(self) -> None:
        """Refuse what could not be read back."""
        _see(self.measurement, "measurement", may=("feature",))
        _see(self.value, "value", must=("device",))
        _see(self.thing, "thing", must=("device",))
        _see(self.field, "field", must=("property",), may=("feature",))
        if not _TAG.fullmatch(self.tag):
            raise ValueError("`tag` is a name of letters, digits and _ . : / -, not one of _time")
        if "{feature}" in self.field:
            if "{feature}" in self.measurement:
                raise ValueError("`{feature}` is in the `measurement` or in the `field`, not both")
            if not re.search(r"\{feature\}.+\{property\}", self.field):
                raise ValueError("`field`: write {feature}, something between, then {property}")
        if not self.separator or _CONTROL.search(self.separator):
            raise ValueError("`separator` is what stands between two names, such as _")


_TAG: Final = re.compile(
    r"(?!_(?:time|start|stop|value|field|measurement)$)[A-Za-z_][\w.:/-]{0,63}", re.ASCII
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PLACE: Final = re.compile(r"\{([a-z]*)\}")


def _see(
    template: str, name: str, *, must: tuple[str, ...] = (), may: tuple[str, ...] = ()
) -> None:
    """Each of *must* is in *template* once, each of *may* at most once, and nothing else."""
    found = _PLACE.findall(template)
    if len(set(found)) < len(found) or not set(must) <= set(found) <= {*must, *may}:
        words = " and ".join(f"{{{one}}}" for one in must) or "a name"
        raise ValueError(f"`{name}` needs {words}, each once")
    if not template or _CONTROL.search(template) or re.search(r"[{}]", _PLACE.sub("", template)):
        raise ValueError(f"`{name}` has characters that no name has")


class InfluxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``influxdb``: where an InfluxDB 2 is, and how its names are read."""

    url: str | None = None
    org: str | None = None
    bucket: str | None = None
    token_file: str | None = None
    """A file whose content is the token."""
    mapping: MappingSettings | None = None
    """Without it the names are our own."""

    def __post_init__(self) -> None:
        """Refuse an address that no request can go to; no message repeats it, it may be secret."""
        if self.url is None:
            return
        try:
            parts = urlsplit(self.url)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise ValueError("`url` cannot be read") from None
        if not fits:
            raise ValueError("`url` is http://host:8086 or https://host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("`url` has a user name in it: InfluxDB wants a token, in `token_file`")
        if parts.query or parts.fragment:
            raise ValueError("`url` has something after its path")

    def token(self) -> str:
        """The content of the token file, read now. Raises `SettingsInvalid`."""
        path = str(self.token_file)
        try:
            token = Path(path).read_bytes().decode("ascii").strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingsInvalid(
                f"influxdb.token_file: cannot read {path}: {reason}", hint=_MEND
            ) from None
        except UnicodeDecodeError:
            token = ""
        if not token.isprintable() or not token or " " in token:
            raise SettingsInvalid(f"influxdb.token_file: there is no token in {path}", hint=_MEND)
        return token


_MEND: Final = "Name a file that EgizCore may read; its content is an API token of InfluxDB."


def see_influx(history: HistorySettings, influxdb: InfluxSettings) -> None:
    """See that what an InfluxDB needs is there, if one is used. Raises `SettingsInvalid`."""
    if history.backend != "influxdb":
        return
    for key in ("url", "org", "bucket", "token_file"):
        if not getattr(influxdb, key):
            raise SettingsInvalid(
                f"influxdb.{key} is not set, and history.backend is influxdb",
                hint="Set influxdb.url, influxdb.org, influxdb.bucket and influxdb.token_file.",
            )
    if history.records and influxdb.mapping is not None:
        raise SettingsInvalid(
            "influxdb.mapping is for what others wrote, and history.record is true",
            hint="Leave influxdb.mapping out, or set history.record to false.",
        )
    if any(find_spec(one) is None for one in ("influxdb_client", "aiohttp", "aiocsv")):
        raise SettingsInvalid(
            "history.backend: influxdb needs a library that is not installed",
            hint="Install it: pip install 'egizcore[influx]'",
        )
