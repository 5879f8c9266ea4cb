from egizcore.mqtt.reason import REASONS, RETURN_CODES, Reason


def test_a_reason_has_words_for_a_person() -> None:
    assert Reason.BAD_USER_NAME_OR_PASSWORD.words == "bad user name or password"
    assert Reason.QOS_NOT_SUPPORTED.words == "QoS not supported"


def test_the_six_return_codes_of_3_1_1_go_both_ways() -> None:
    assert sorted(REASONS) == [0, 1, 2, 3, 4, 5]
    assert all(RETURN_CODES[REASONS[code]] == code for code in REASONS)
