"""Which store the settings name."""

from collections.abc import Mapping

from egizcore.history.archive import Archive
from egizcore.history.settings import HistorySettings, InfluxSettings
from egizcore.thing import Thing


def archive_of(
    history: HistorySettings,
    influxdb: InfluxSettings,
    things: Mapping[str, Thing],
    devices: Mapping[str, str],
) -> Archive | None:
    """The store, not yet opened; None: there is none.

    *things* are the live ones, *devices* the table of device → Thing: what another archiver wrote
    is told by them.

    Raises:
        SettingsInvalid: it cannot be reached with these settings.
    """
    match history.backend:
        case "sqlite":
            from egizcore.history.sqlite import SqliteArchive

            return SqliteArchive(history)
        case "influxdb":
            from egizcore.history.influx import InfluxArchive

            return InfluxArchive(influxdb, things, devices)
        case _:
            return None
