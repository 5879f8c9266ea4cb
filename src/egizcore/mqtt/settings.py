"""What can be set of a link to a broker and of the device endpoint (contract.md, section 7)."""

from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Meta, Struct

from egizcore.errors import SettingsInvalid

PORT = 1883
SCHEME = "mqtt"


class Address(NamedTuple):
    """Where a broker is, and who we are there."""

    host: str
    port: int
    username: str | None
    password: bytes | None

    @property
    def where(self) -> str:
        """``host:port``, fit for a log: without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One connection to a broker; without a *url* there is none."""

    url: str | None = None
    username: str | None = None
    password_file: str | None = None
    client_id: str | None = None
    qos: Annotated[int, Meta(ge=0, le=1)] = 1
    share: Annotated[str, Meta(min_length=1, max_length=256)] | None = None

    def __post_init__(self) -> None:
        """Refuse at the settings what would otherwise fail at each connection."""
        if self.share is not None and any(char in "/+#\0" for char in self.share):
            raise ValueError("`share` is the name of a group: no '/', '+' or '#'")
        if self.url is not None:
            address = _parse(self.url)
            if self.password_file is not None and not (self.username or address.username):
                raise ValueError("`password_file` needs a `username`")

    def address(self) -> Address:
        """The parts of *url*, with the user name and the content of the password file.

        Reads the file, so a link calls it once, when it is built. Raises `SettingsInvalid`.
        """
        if self.url is None:
            raise SettingsInvalid("mqtt.url is not set", hint=_FORM)
        try:
            address = _parse(self.url)
        except ValueError as error:
            raise SettingsInvalid(f"mqtt.url: {error}", hint=_FORM) from None
        username = address.username if self.username is None else self.username
        password = address.password
        if self.password_file is not None:
            password = _read_password(self.password_file)
        return Address(address.host, address.port, username, password)


class EndpointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The door for devices that connect straight to us. Port 0 is any free one."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = PORT


_FORM = "Write mqtt://host:1883 or mqtt://user:password@host."


def _parse(url: str) -> Address:
    """Split ``mqtt://user:password@host:port``; no message repeats what may be a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the address cannot be read") from None
    if parts.scheme != SCHEME:
        raise ValueError(f"unknown scheme {parts.scheme!r}, only {SCHEME!r} is known")
    if not host:
        raise ValueError("there is no host in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the port")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password).encode()
    return Address(host, PORT if port is None else port, username, password)


def _read_password(path: str) -> bytes:
    try:
        return Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid(
            f"mqtt.password_file: cannot read {path}: {reason}",
            hint="Name a file that EgizCore may read; its content is the password.",
        ) from None
