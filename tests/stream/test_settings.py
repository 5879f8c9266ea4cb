import msgspec
import pytest

from egizcore.quantity import from_setting
from egizcore.stream import StreamSettings


def test_a_quarter_of_a_mebibyte_may_wait_for_a_client() -> None:
    assert StreamSettings().client_buffer == 256 * 1024


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="buffer"):
        msgspec.convert({"buffer": 1}, StreamSettings)
    with pytest.raises(msgspec.ValidationError, match="at least 16KiB"):
        msgspec.convert({"client_buffer": 1}, StreamSettings, dec_hook=from_setting)
