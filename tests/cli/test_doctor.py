from tests.cli.conftest import Patch

from egizcore import cli
from egizcore import doctor as room


def test_the_doctor_gets_the_settings_and_says_the_exit_code(stand_in: Patch) -> None:
    doctor = stand_in(room, "doctor")
    doctor.code = 1
    assert cli.run(["doctor", "--port", "9000"]) == 1
    (settings,) = doctor.arguments
    assert settings.http.port == 9000
    assert doctor.options == {"quick": False}
    assert cli.run(["doctor", "--quick"]) == 1
    assert doctor.options == {"quick": True}


def test_wrong_settings_are_told_before_any_check(stand_in: Patch) -> None:
    doctor = stand_in(room, "doctor")
    assert cli.run(["doctor", "--set", "http.prot=1"]) == 2
    assert doctor.arguments == ()
