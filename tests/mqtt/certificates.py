"""An authority and what it signs, made by ``openssl`` for one test session."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Pair(NamedTuple):
    """A certificate and its key, as PEM files."""

    cert: str
    key: str


class Authority:
    """Signs certificates; *ca* is its own, as a PEM file."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self._folder = folder
        self.ca = str(folder / "ca.pem")
        self._key = str(folder / "ca.key")
        _openssl(
            "req",
            "-x509",
            "-nodes",
            *_FRESH,
            self._key,
            "-out",
            self.ca,
            "-days",
            "2",
            "-subj",
            "/CN=trial authority",
            "-addext",
            "keyUsage=critical,keyCertSign",
        )

    def issue(self, name: str, *, also: str | None = None) -> Pair:
        """A certificate of *name* (a DNS name), and of the address *also*."""
        pair = Pair(*(str(self._folder / f"{name}.{kind}") for kind in ("pem", "key")))
        names = f"subjectAltName=DNS:{name}" + (f",IP:{also}" if also else "")
        _openssl(
            "req",
            "-x509",
            "-nodes",
            *_FRESH,
            pair.key,
            "-out",
            pair.cert,
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            "-addext",
            names,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            self.ca,
            "-CAkey",
            self._key,
        )
        return pair


_FRESH = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout")


def _openssl(*told: str) -> None:
    subprocess.run(("openssl", *told), check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
