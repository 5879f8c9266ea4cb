import msgspec
import yaml
from tests.docs.pages import ROOT, blocks, text_of
from tests.history.line_parser import lines_in

from egizcore.history import InfluxSettings, Query, influx, pivot
from egizcore.history.flux import Span, buckets, samples
from egizcore.history.line import line_of
from egizcore.history.mapping import Field, Layout
from egizcore.history.point import Point
from egizcore.history.settings import MappingSettings
from egizcore.settings import Settings

PAGE = ROOT / "docs/protocol/history.md"
OVEN = "factory:oven-001"


def of(language: str) -> list[str]:
    return [block.text for block in blocks(PAGE) if block.language == language]


def test_the_flux_on_the_page_is_what_is_sent() -> None:
    layout = Layout(None, {})
    raw, mean = of("flux")
    asked = layout.selection(Query(OVEN, 0, 1, ("thermal",), (("zones",),)))
    assert samples("b", asked, Span(0, 1), rows=1, descending=False).text == raw.rstrip()
    asked = layout.selection(Query(OVEN, 0, 1, ("thermal",)))
    question = buckets(
        "b", asked, Span(0, 1), every=60_000, aggregate="mean", rows=1, descending=False
    )
    assert question.text == mean.rstrip()


def test_the_line_on_the_page_is_what_is_written() -> None:
    properties = {"zones": [185, 190], "setpoint": 190}
    assert line_of(Point(OVEN, "oven", "thermal", 1_769_509_800_123, properties)) in text_of(
        "docs/protocol/history.md"
    )


def test_the_mappings_on_the_page_are_settings_that_read_what_it_shows() -> None:
    whole, part = (yaml.safe_load(text) for text in of("yaml"))
    settings = msgspec.convert(
        whole, Settings, strict=False, dec_hook=lambda kind, raw: kind.parse(raw)
    )
    assert settings.influxdb.mapping is not None
    (shown,) = [text for text in of("") if text.startswith("mqtt_consumer")]
    (line,) = lines_in(shown.encode())
    layout = Layout(settings.influxdb.mapping, {})
    assert line.tags["topic"] in layout.tag_values(OVEN)
    names = layout.names(None)
    assert [names.leaf(line.measurement, field) for field in line.fields] == [
        Field("thermal", "zones[0]"),
        Field("thermal", "zones[1]"),
        Field("electrical", "voltage.a"),
    ]
    other = msgspec.convert(part["influxdb"], InfluxSettings)
    assert isinstance(other.mapping, MappingSettings)
    assert Layout(other.mapping, {}).tag_values(OVEN) == ["oven-001"]


def test_the_bounds_on_the_page_are_the_codes() -> None:
    text = text_of("docs/protocol/history.md")
    assert pivot.MAX_RECORDS == 1_000_000
    assert "at most a million values" in text
    assert f"may take {influx.QUERY_SECONDS} s" in text
    assert f"every {influx.WATCH_SECONDS:g} s" in text
