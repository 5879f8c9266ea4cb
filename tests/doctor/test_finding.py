import threading
from time import monotonic

import pytest

from egizcore.doctor.finding import Check, Finding, examine, told
from egizcore.errors import StartupFailed


def fine(subject: str) -> Check:
    return Check(subject, lambda: [Finding("ok", subject, "well")])


def test_what_was_found_comes_in_the_order_of_the_checks() -> None:
    first_done = threading.Event()

    def slow() -> list[Finding]:
        assert first_done.wait(5)
        return [Finding("ok", "a", "well"), Finding("warn", "a", "so so")]

    def fast() -> list[Finding]:
        first_done.set()
        return [Finding("ok", "b", "well")]

    found = list(examine([Check("a", slow), Check("b", fast)], 5.0))
    assert [(one.subject, one.level) for one in found] == [("a", "ok"), ("a", "warn"), ("b", "ok")]


def test_checks_that_do_not_end_cost_their_time_once_and_no_others() -> None:
    never = threading.Event()

    def wait() -> list[Finding]:
        never.wait()
        return []

    stuck = [Check(name, wait) for name in ("a", "b")]
    begun = monotonic()
    found = list(examine([*stuck, fine("c")], 0.2))
    assert monotonic() - begun < 2
    assert [one.level for one in found] == ["FAIL", "FAIL", "ok"]
    assert found[0].what == "no answer within 0 s"
    never.set()


def test_an_error_of_ours_keeps_its_words_and_its_mend() -> None:
    def refuse() -> list[Finding]:
        raise StartupFailed("Port 1 is taken.", hint="Choose another.")

    (found,) = examine([Check("port", refuse)], 5.0)
    assert found == Finding("FAIL", "port", "Port 1 is taken.", "Choose another.")


def test_a_check_that_breaks_is_a_failure_and_no_traceback() -> None:
    def broken() -> list[Finding]:
        raise RuntimeError("oh")

    found = list(examine([Check("a", broken), fine("b")], 5.0))
    assert [one.level for one in found] == ["FAIL", "ok"]
    assert "RuntimeError('oh')" in found[0].what


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("ok", "clock", "kept"), "ok    clock: kept\n"),
        (Finding("FAIL", "mqtt", "refused", "Start it."), "FAIL  mqtt: refused. Start it.\n"),
        (Finding("warn", "x", "Taken.", "Stop it."), "warn  x: Taken. Stop it.\n"),
        (Finding("FAIL", "mqtt", "a\x1b[31m\nok    b"), "FAIL  mqtt: a [31m ok    b\n"),
    ],
)
def test_a_finding_is_one_line_that_nobody_can_forge(
    finding: Finding, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told(finding)
    assert capsys.readouterr().out == line
