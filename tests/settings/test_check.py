import pytest
from tests.settings.given import fault


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("htpp: {}", "unknown section 'htpp': did you mean 'http'?"),
        ("http: {prot: 1}", "unknown setting 'http.prot': did you mean 'http.port'?"),
        ("mqtt: {rotues: []}", "unknown setting 'mqtt.rotues': did you mean 'mqtt.routes'?"),
        ("mqtt: {routes: [{topc: a}]}", "'mqtt.routes[0].topc': did you mean 'mqtt.routes[0].top"),
        ("mqtt: {connections: {p: {ulr: a}}}", "did you mean 'mqtt.connections.p.url'?"),
        ("zzz: 1", "unknown section 'zzz': there are: http, mqtt, endpoint, "),
        ("persistence:", "unknown section 'persistence': there are: "),
        ("history: {paht: a.db}", "did you mean 'history.path'?"),
    ],
)
def test_an_unknown_key_names_the_nearest_real_one(text: str, told: str) -> None:
    assert told in fault(text)
    assert fault(text).startswith("given.yaml: ")


def test_a_misspelt_variable_does_not_pass() -> None:
    told = fault("", {"EGIZCORE_HTPP__PORT": "1"})
    assert told == "EGIZCORE_HTPP__PORT: unknown section 'htpp': did you mean 'http'?"
    assert "did you mean 'http.port'?" in fault("", {"EGIZCORE_HTTP__PROT": "1"})
    assert "unknown setting 'http.port.x'" in fault("", {"EGIZCORE_HTTP__PORT__X": "1"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http: {port: eighty}", "http.port: 'eighty' is no whole number"),
        ("http: {port: 1.5}", "http.port: '1.5' is no whole number"),
        ("http: {port: 70000}", "http.port: expected a whole number <= 65535"),
        ("http: {port: [1]}", "http.port: this is no whole number"),
        ("http: 8080", "http: expected a map, got text"),
        ("endpoint: {enabled: yes}", "endpoint.enabled: 'yes' is neither true nor false"),
        ("mqtt: {unknown: no}", "mqtt.unknown: 'no' is none of: create, reject"),
        ("mqtt: {routes: {topic: a}}", "mqtt.routes: expected a list, got a map"),
        ("mqtt: {routes: [{thing: 'a:b'}]}", "mqtt.routes[0]: 'topic' is missing"),
        ("mqtt: {devices: {a: [b]}}", "mqtt.devices.a: expected text, got a list"),
        ("limits: {thing: 10XB}", "limits.thing: '10XB' is no size: write a number of bytes"),
        ("limits: {thing: }", "limits.thing: "),
        ("auth: {mode: required}", "auth.mode: 'required' is none of: none"),
        ("- a", "write sections, such as 'http:', each with its settings"),
    ],
)
def test_a_wrong_value_is_one_line_with_file_key_and_mend(text: str, told: str) -> None:
    assert told in fault(text)
    assert fault(text).startswith("given.yaml: ")


def test_a_wrong_value_names_the_source_that_set_it_last() -> None:
    assert fault("http: {port: 1}", {"EGIZCORE_HTTP__PORT": "x"}).startswith("EGIZCORE_HTTP__PORT:")
    assert fault("http: {port: 1}", {}, {"http.port": "x"}).startswith("the command line: ")


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("mqtt: {username: [hunter2]}", {}),
        ("mqtt: {url: {a: hunter2}}", {}),
        ("mqtt: {hunter: 'mqtt://u:hunter2@h'}", {}),
        ("mqtt: hunter2", {}),
        ("a: hunter2\n b: [", {}),
        ("", {"EGIZCORE_MQTT__DEVICES": '["hunter2"]'}),
    ],
)
def test_no_error_echoes_what_may_be_a_secret(text: str, environ: dict[str, str]) -> None:
    assert "hunter2" not in fault(text, environ)
