"""Which hosts and origins we answer to: pure decisions on header values.

Against DNS rebinding: a page of a stranger whose name was made to point to 127.0.0.1 still sends
its own name as ``Host``, so while we are bound to loopback only our names are answered.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address

from egizcore.rest.settings import HttpSettings

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?")


def host_check(settings: HttpSettings) -> Callable[[bytes | None], bool]:
    """A function that says whether a ``Host`` value (None: there was none) may be answered."""
    if not is_loopback(settings.host):
        return lambda _host: True
    allowed = {host.lower() for host in settings.allowed_hosts}

    @lru_cache(maxsize=64)  # clients send the same few
    def ours(host: bytes | None) -> bool:
        if host is None:  # HTTP/1.0; a browser always sends one
            return True
        text = host.decode("latin-1").lower()
        found = _HOST.fullmatch(text)
        if found is None:
            return False
        return text in allowed or found[1] in allowed or is_loopback(found[1])

    return ours


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address, brackets allowed, is this machine's loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def cross_origin(allowed: Iterable[str]) -> Callable[[bytes], bool]:
    """A function that says whether an ``Origin`` value is one of *allowed*, whole and exact."""
    origins = frozenset(origin.encode("latin-1", "replace") for origin in allowed)
    return origins.__contains__
