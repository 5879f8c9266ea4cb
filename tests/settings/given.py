from collections.abc import Mapping
from pathlib import Path

import pytest

from egizcore.errors import SettingsInvalid
from egizcore.settings import Loaded, load


def given(
    text: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Loaded:
    Path("given.yaml").write_text(text, "utf-8")
    return load(config=Path("given.yaml"), environ=environ or {}, flags=flags)


def fault(
    text: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        given(text, environ, flags)
    assert "\n" not in str(caught.value)
    return f"{caught.value} {caught.value.mend}".strip()
