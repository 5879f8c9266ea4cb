"""Every room's settings as one, from file, environment and flags (contract.md, section 7).

In: ``egizcore.yaml``, variables, flags. Out: one `Settings`, checked, and who set what. Never: a
setting whose feature does not exist, a value shown that may be a secret.

One rule for all sources: a scalar is the text that was typed, and the setting's type says how
to read it. Nothing stands for "not set"; lists and maps are JSON where they come as one text.
Every fault is a `SettingsInvalid`: where it stands, which key, what is wrong and the mend.
"""

from egizcore.settings.sections import (
    AuthSettings,
    Settings,
    outline,
    read_passwords,
)
from egizcore.settings.sources import Loaded, load

__all__ = [
    "AuthSettings",
    "Loaded",
    "Settings",
    "load",
    "outline",
    "read_passwords",
]
