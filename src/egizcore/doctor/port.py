"""The engine's doors: are they free, or is an EgizCore behind them already?"""

import json
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Any, Final

from egizcore.doctor.finding import Check, Finding, Level
from egizcore.errors import StartupFailed
from egizcore.rest import HttpSettings, bind
from egizcore.settings import Settings

_PATIENCE: Final = 1.5  # seconds for each read of an answer
_LONGEST: Final = 65_536  # bytes: what is longer is no /health of ours


def pulse(http: HttpSettings) -> Finding:
    """Does the engine of these settings answer ``GET /health``? It may be degraded: it lives."""
    health = _health(http)
    if health is None:
        return Finding(
            "FAIL",
            "engine",
            f"no EgizCore answers on {_address(http)}",
            "Start it, or give the settings that it was started with.",
        )
    return Finding("ok", "engine", _state(health, _address(http)))


def doors(settings: Settings) -> list[Check]:
    """One check for each port that ``serve`` would listen on."""
    found = [Check("http port", lambda: [_http(settings)])]
    if settings.endpoint.enabled:
        found.append(Check("endpoint port", lambda: [_endpoint(settings)]))
    return found


def _http(settings: Settings) -> Finding:
    http, subject = settings.http, "http port"
    refused = _refused(http.host, http.port)
    if refused is None:
        return _free(subject, http.host, http.port)
    health = _health(http)
    if health is None:
        return Finding("FAIL", subject, refused.detail, refused.mend)
    level: Level = "warn" if health["status"] == "degraded" else "ok"
    return Finding(level, subject, f"in use: {_state(health, _address(http))}")


def _endpoint(settings: Settings) -> Finding:
    host, port, subject = settings.endpoint.host, settings.endpoint.port, "endpoint port"
    refused = _refused(host, port)
    if refused is None:
        return _free(subject, host, port)
    health = _health(settings.http)
    if health is not None and health["components"]["endpoint"]["status"] == "ok":
        return Finding(
            "ok", subject, f"{host}:{port} is in use, and the EgizCore that runs has one"
        )
    # The words are those of http, whose address is refused for the same reasons.
    detail, mend = (one.replace("http.", "endpoint.") for one in (refused.detail, refused.mend))
    return Finding("FAIL", subject, detail, mend)


def _refused(host: str, port: int) -> StartupFailed | None:
    """Why nobody may listen there, by trying it for a moment."""
    try:
        sockets = bind(host, port)
    except StartupFailed as error:
        return error
    for one in sockets:
        one.close()
    return None


def _free(subject: str, host: str, port: int) -> Finding:
    return Finding("ok", subject, f"{host}:{port} is free" if port else "any free one")


def _health(http: HttpSettings) -> dict[str, Any] | None:
    """The document of ``GET /health``; None: there is no EgizCore."""
    connection = HTTPConnection(_reachable(http.host), http.port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read(_LONGEST))
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    ours = isinstance(answer, dict) and {"status", "version", "components"} <= answer.keys()
    return answer if ours else None


def _reachable(host: str) -> str:
    """Where to knock: an address that means every address is no place to go to."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def _address(http: HttpSettings) -> str:
    host = _reachable(http.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{http.port}"


def _state(health: dict[str, Any], address: str) -> str:
    """The answer in one line, with what is degraded."""
    wrong = [
        f"{name}: {one.get('message', 'degraded')}"
        for name, one in health["components"].items()
        if one["status"] == "degraded"
    ]
    line = f"EgizCore {health['version']} answers on {address}"
    return f"{line}; degraded: {'; '.join(wrong)}" if wrong else line
