import msgspec
from tests.docs.pages import code, rows, section, text_of

from egizcore.ingest import OUTCOMES, RouteSettings
from egizcore.ingest.rejected import CLIP, KEPT, UnknownList

PAGE = "docs/protocol/mqtt.md"


def test_the_page_has_every_outcome_and_no_other() -> None:
    told = rows(section(PAGE, "What became of my message"))
    assert sorted(code(cells[0])[0] for cells in told) == sorted(OUTCOMES)


def test_the_page_shows_every_member_of_a_route() -> None:
    example = section(PAGE, "Routes")
    for field in msgspec.structs.fields(RouteSettings):
        assert f"{field.encode_name}: " in example, field.encode_name


def test_the_pages_name_how_many_refused_messages_are_kept() -> None:
    assert f"the newest {KEPT}, payload clipped at {CLIP // 1024} KiB" in text_of(PAGE)
    rest = text_of("docs/protocol/rest.md")
    assert f"The newest {KEPT} messages" in rest
    assert f"The newest {UnknownList.MAX:,} devices" in rest
