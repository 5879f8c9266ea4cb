"""The console in a browser, against a running engine."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Engine

pytestmark = pytest.mark.browser
OVEN = {"thermal": {"temperature_zones": [185.0, 190.0, 188.5], "setpoint": 190.0}}


def test_the_page_asks_nothing_of_another_host(chromium: Browser, engine: Engine) -> None:
    engine.put("f:oven", **OVEN)
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(engine.url)
    expect(page.locator(".tile")).to_have_count(1)
    page.close()
    hosts = {re.sub(r"^\w+://([^/]+)/.*", r"\1", url) for url in asked}
    assert hosts == {f"127.0.0.1:{engine.port}"}
    assert any(url.startswith("ws://") for url in asked)


def test_an_empty_wall_shows_how_to_publish_until_the_first_reading(
    page: Page, engine: Engine
) -> None:
    expect(page.locator("#example")).to_contain_text("mosquitto_pub")
    engine.put("f:oven", **OVEN)
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator("#empty")).to_be_hidden()


def test_a_reading_appears_without_a_reload(page: Page, engine: Engine) -> None:
    engine.put("f:oven", **OVEN)
    expect(page.locator(".figure")).to_have_text("187.8")
    engine.report("f:oven", "thermal", {"temperature_zones": [200.0, 200.0, 200.0]})
    expect(page.locator(".figure")).to_have_text("200.0")


def test_an_anomaly_is_told_by_words_and_leads_to_its_machine(page: Page, engine: Engine) -> None:
    engine.put("f:oven", **OVEN, status={"operational_state": "running", "anomaly": False})
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator("#attention-bar")).to_be_hidden()
    engine.report("f:oven", "status", {"anomaly": True, "fault": "zone-2-heater"})
    alert = page.get_by_role("button", name="⚠ oven: zone 2 heater")
    expect(alert).to_be_visible()
    alert.click()
    expect(page.locator("#panel h2")).to_have_text("oven")
    engine.report("f:oven", "status", {"anomaly": False, "fault": "none"})
    expect(alert).to_have_count(0)


def test_the_details_open_with_the_keyboard_and_close_with_escape(
    page: Page, engine: Engine
) -> None:
    engine.put("f:oven", **OVEN)
    button = page.get_by_role("button", name="oven, oven")
    button.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("f:oven · version")
    expect(panel).to_contain_text("Temperature zones 2")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


def test_an_address_leads_to_the_details_of_a_thing(chromium: Browser, engine: Engine) -> None:
    engine.put("f:oven", **OVEN)
    page = chromium.new_page()
    page.goto(f"{engine.url}/#/f%3Aoven")
    expect(page.locator("#panel h2")).to_have_text("oven")
    expect(page.locator(".tile")).to_have_attribute("aria-current", "true")
    page.goto("about:blank")
    page.goto(f"{engine.url}/#/%")  # an address that nobody can decode
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator("#panel")).to_be_hidden()
    page.close()


def test_the_raw_view_is_the_document_that_rest_gives(page: Page, engine: Engine) -> None:
    engine.put("f:oven", **OVEN)
    engine.report("f:oven", "thermal", {"setpoint": None, "deep": {"__proto__": {"x": 1}}})
    page.locator(".tile").click()
    page.get_by_role("button", name="Raw").click()
    page.get_by_text('"deep"').wait_for()
    raw = json.loads(page.locator(".raw").text_content() or "")
    assert raw == engine.send("GET", "things/f:oven")


def test_names_and_values_that_are_markup_stay_text(page: Page, engine: Engine) -> None:
    evil = "<img src=x onerror='window.hit=1'>"
    features: dict[str, dict[str, Any]] = {
        "x": {evil: 3.5, "text": evil},
        "status": {"operational_state": evil},
    }
    members = {"metadata": {"name": evil, "location": evil}}
    engine.send("PUT", "things/f:evil", Engine.thing(features, **members))
    page.locator(".tile").click()
    expect(page.locator("#panel h2")).to_have_text(evil)
    expect(page.locator("#panel .card").first).to_contain_text("<img")
    assert page.locator("#wall img, #panel img, #alerts img").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_type_and_properties_that_nobody_foresaw_show_sensibly(
    page: Page, engine: Engine
) -> None:
    features = {"dose": {"rate": 3.25, "mode": "scan", "a.b": 1, "tags": ["x"], "on": True}}
    engine.send("PUT", "things/lab:ray", Engine.thing(features, type="x-ray"))
    expect(page.locator(".figure")).to_have_text("3.25")
    page.locator(".tile").click()
    for text in ("Mode", "scan", "A b", '["x"]', "true"):
        expect(page.locator("#panel")).to_contain_text(text)


def test_search_and_grouping_choose_what_the_wall_shows(page: Page, engine: Engine) -> None:
    for number in range(3):
        members = {"metadata": {"location": f"line-{number}"}, "type": "mixer"}
        engine.send("PUT", f"things/f:m{number}", Engine.thing({}, **members))
    expect(page.locator(".group-title")).to_have_count(3)
    page.get_by_role("button", name="Type").click()
    expect(page.locator(".group-title")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("m2")
    expect(page.locator(".cell")).to_have_count(1)
    page.keyboard.type("zz")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_deleted_thing_leaves_the_wall_and_its_details_close(page: Page, engine: Engine) -> None:
    engine.put("f:oven", **OVEN)
    page.locator(".tile").click()
    expect(page.locator("#panel")).to_be_visible()
    engine.send("DELETE", "things/f:oven")
    expect(page.locator(".tile")).to_have_count(0)
    expect(page.locator("#panel")).to_be_hidden()


def test_a_thousand_things_draw_only_what_is_seen(page: Page, engine: Engine) -> None:
    items = [{"id": f"f:o{n:04d}", **Engine.thing(OVEN)} for n in range(1000)]
    engine.send("POST", "things/bulk", items)
    expect(page.locator(".cell")).to_have_count(1000)
    expect(page.locator(".tile").first).to_be_visible()
    assert page.locator(".tile").count() < 300
    page.locator(".cell").last.scroll_into_view_if_needed()
    expect(page.locator('.tile[data-id="f:o0999"]')).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280, 3840])
def test_no_width_makes_the_page_scroll_sideways(page: Page, engine: Engine, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    engine.put("f:oven", **OVEN, status={"operational_state": "running", "anomaly": True})
    expect(page.locator(".tile")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".tile").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_comes_back_with_the_engine_and_forgets_what_is_gone(
    page: Page, engine: Engine
) -> None:
    engine.put("f:oven", **OVEN)
    expect(page.locator(".tile")).to_have_count(1)
    engine.stop()
    expect(page.locator("#connection")).to_contain_text("Offline")
    expect(page.locator(".tile")).to_have_count(1)  # the last that was known stays
    engine.start()
    expect(page.locator("#connection")).to_have_text(re.compile("Live"), timeout=20_000)
    expect(page.locator(".tile")).to_have_count(0)
