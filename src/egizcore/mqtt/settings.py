"""What can be set of a link to a broker and of the device endpoint (contract.md, section 7)."""

import ssl
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Meta, Struct

from egizcore.errors import SettingsInvalid

PORT = 1883
PORTS = {"mqtt": PORT, "mqtts": 8883}


class Address(NamedTuple):
    """Where a broker is, and who we are there."""

    host: str
    port: int
    username: str | None
    password: bytes | None
    secure: bool

    @property
    def where(self) -> str:
        """``host:port``, fit for a log: without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a link with ``mqtts://`` knows the broker, and itself; TLS 1.2 at least."""

    ca_file: str | None = None
    """The authorities that we trust, as PEM; without it the system's."""
    cert_file: str | None = None
    """Our own certificate, as PEM, for a broker that asks for one."""
    key_file: str | None = None
    """Its private key, without a pass phrase; without it the key stands in *cert_file*."""
    server_name: str | None = None
    """The name in the broker's certificate, where it is not the URL's host."""

    def __post_init__(self) -> None:
        """Refuse a key that belongs to nothing."""
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("`key_file` needs a `cert_file`")

    def context(self) -> ssl.SSLContext:
        """Reads the files, so a link calls it once. Raises `SettingsInvalid`."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise _unreadable("mqtt.tls.ca_file", self.ca_file, error) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file is not None:
            try:
                # An empty pass phrase, so that an encrypted key fails instead of asking for it.
                context.load_cert_chain(self.cert_file, self.key_file, password="")
            except OSError as error:
                named = " and ".join(filter(None, (self.cert_file, self.key_file)))
                raise _unreadable("mqtt.tls.cert_file", named, error) from None
        return context


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One connection to a broker; without a *url* there is none."""

    url: str | None = None
    username: str | None = None
    password_file: str | None = None
    client_id: str | None = None
    clean_start: bool = True
    """Off: the broker keeps what comes while we are away, for a week; needs a *client_id*."""
    qos: Annotated[int, Meta(ge=0, le=2)] = 1
    share: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        """Refuse at the settings what would otherwise fail at each connection."""
        if self.share is not None and any(char in "/+#\0" for char in self.share):
            raise ValueError("`share` is the name of a group: no '/', '+' or '#'")
        if not self.clean_start and not self.client_id:
            raise ValueError("`clean_start: false` needs a `client_id`: the session bears its name")
        if self.url is not None:
            address = _parse(self.url)
            if self.tls is not None and not address.secure:
                raise ValueError("`tls` needs a `url` with mqtts://")
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
        return Address(address.host, address.port, username, password, address.secure)


class EndpointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The door for devices that connect straight to us. Port 0 is any free one."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = PORT


_FORM = "Write mqtt://host:1883, mqtt://user:password@host, or mqtts:// for TLS."


def _parse(url: str) -> Address:
    """Split ``mqtt://user:password@host:port``; no message repeats what may be a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the address cannot be read") from None
    if parts.scheme not in PORTS:
        raise ValueError(f"unknown scheme {parts.scheme!r}, known are {' and '.join(PORTS)}")
    if not host:
        raise ValueError("there is no host in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the port")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password).encode()
    port = PORTS[parts.scheme] if port is None else port
    return Address(host, port, username, password, parts.scheme == "mqtts")


def _read_password(path: str) -> bytes:
    try:
        return Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid(
            f"mqtt.password_file: cannot read {path}: {reason}",
            hint="Name a file that EgizCore may read; its content is the password.",
        ) from None


def _unreadable(key: str, path: str | None, error: OSError) -> SettingsInvalid:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return SettingsInvalid(
        f"{key}: cannot use {path}: {reason}",
        hint="Name a PEM file that EgizCore may read; a key must have no pass phrase.",
    )
