import msgspec
import pytest

from egizcore.observability import ObservabilitySettings


@pytest.mark.parametrize(
    "url",
    ["http://localhost:4318", "https://user:secret@otlp.example/otlp/", "http://[::1]:4318"],
)
def test_a_collector_is_named_by_the_start_of_its_url(url: str) -> None:
    assert ObservabilitySettings(otlp_endpoint=url).otlp_endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4318",
        "grpc://localhost:4317",
        "http://",
        "http://:4318",
        "http://host:port",
        "http://host:99999",
        "http://host:0",
        "http://[::1",
        "http://host/?token=hunter2",
        "http://host/#hunter2",
        "http://host/a b",
        "http://host/\r\n",
    ],
)
def test_what_is_no_url_is_refused_in_words_that_do_not_repeat_it(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="http://localhost:4318") as refused:
        msgspec.convert({"otlp_endpoint": url}, ObservabilitySettings)
    assert "hunter2" not in str(refused.value)


def test_without_one_nothing_is_exported() -> None:
    assert ObservabilitySettings().otlp_endpoint is None
