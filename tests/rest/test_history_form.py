"""CSV and NDJSON: long, wide, whole, in pages, and as the client likes best."""

import pytest
from tests.rest.archived import TYPES, URL, got, lines, point, rows, served
from tests.rest.test_things import is_problem

from egizcore.rest import history

_FIXED = ("timestamp", "thing_id", "feature")


async def test_long_csv_has_a_row_for_each_value() -> None:
    properties = {
        "setpoint": 190, "on": True, "zones": [1, None, 2.5], "x.y": {"z": 'a,"b"\r\nc'},
        "formula": "=1+1", "empty": "",
    }  # fmt: skip
    async with await served(point(1, properties)) as client:
        answer = await client.get(f"{URL}?format=csv")
        assert answer.text == (
            "timestamp,thing_id,feature,property,value\r\n"
            "2026-01-27T10:29:59.999Z,f:oven,thermal,empty,\r\n"
            "2026-01-27T10:29:59.999Z,f:oven,thermal,formula,=1+1\r\n"
            "2026-01-27T10:29:59.999Z,f:oven,thermal,on,true\r\n"
            "2026-01-27T10:29:59.999Z,f:oven,thermal,setpoint,190.0\r\n"
            '2026-01-27T10:29:59.999Z,f:oven,thermal,x\\.y.z,"a,""b""\r\nc"\r\n'
            "2026-01-27T10:29:59.999Z,f:oven,thermal,zones[0],1.0\r\n"
            "2026-01-27T10:29:59.999Z,f:oven,thermal,zones[2],2.5\r\n"
        )


async def test_wide_csv_has_a_column_for_each_property_of_the_whole_range() -> None:
    long = {"zones": [float(place) for place in range(11)]}
    points = [
        point(3, {"b": 1, "feature": "mine"}),
        point(2, {"a": "text"}, "status"),
        point(1, long),
    ]
    async with await served(*points) as client:
        for query in ("", "&limit=2"):
            table = rows(await client.get(f"{URL}?format=csv&shape=wide{query}"))
            assert table[0] == [
                "timestamp", "thing_id", "feature", "a", "b", r"\feature",
                *(f"zones[{place}]" for place in range(11)),
            ]  # fmt: skip
            assert table[1][2:6] == ["thermal", "", "1.0", "mine"]
            assert table[2][2:6] == ["status", "text", "", ""]
        only = rows(await client.get(f"{URL}?format=csv&shape=wide&feature=status"))
        assert only == [["timestamp", "thing_id", "feature", "a"], [*only[1][:3], "text"]]


async def test_a_property_with_the_name_of_a_column_is_still_found_by_its_header() -> None:
    async with await served(point(1, {"timestamp": 5, "thing_id": 6, "value": 7})) as client:
        table = rows(await client.get(f"{URL}?format=csv&shape=wide"))
        assert table[0][3:] == [r"\thing_id", r"\timestamp", "value"]
        page = await got(client, r"property=%5Ctimestamp")
        assert page["items"][0]["properties"] == {"timestamp": 5}


async def test_a_property_that_has_changed_its_kind_has_a_column_for_each() -> None:
    points = [
        point(4, {"a": {"b": 1}, "c": [2]}),
        point(3, {"a": 3, "c": {"d": 4}}),
        point(2, {"a.b": 5}),
    ]
    async with await served(*points) as client:
        table = rows(await client.get(f"{URL}?format=csv&shape=wide"))
        cells = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
        assert [{key: cell for key, cell in row.items() if cell and key not in _FIXED}
                for row in cells] == [
            {"a.b": "1.0", "c[0]": "2.0"}, {"a": "3.0", "c.d": "4.0"}, {r"a\.b": "5.0"},
        ]  # fmt: skip


async def test_numbers_only_make_columns_of_numbers_only() -> None:
    async with await served(point(1, {"a": 1, "state": "on"})) as client:
        for aggregate, columns in (("mean", ["a"]), ("count", ["a", "state"])):
            query = f"format=csv&shape=wide&every=1m&aggregate={aggregate}"
            assert rows(await client.get(f"{URL}?{query}"))[0][3:] == columns


async def test_more_columns_than_a_table_can_have_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "MAX_COLUMNS", 10)
    async with await served(point(1, {f"p{n}": n for n in range(11)})) as client:
        answer = await client.get(f"{URL}?format=csv&shape=wide")
        assert is_problem(answer, 400, "limit_exceeded")
        assert len(rows(await client.get(f"{URL}?format=csv"))) == 12


@pytest.mark.parametrize("form", ["csv", "csv&shape=wide", "ndjson"])
async def test_with_a_limit_a_link_leads_to_the_next_page(form: str) -> None:
    points = [point(ago, {"a b&c": ago, f"p{ago}": 1}) for ago in range(1, 8)]
    async with await served(*points) as client:
        base = f"{URL}?property=a%20b%26c&from=-1h&format={form}"
        whole = (await client.get(base)).text
        url, text = f"{base}&limit=3", ""
        pages = 0
        while True:
            answer = await client.get(url)
            text += answer.text if not text or form == "ndjson" else answer.text.split("\n", 1)[1]
            pages += 1
            if "next" not in answer.links:
                break
            url = answer.links["next"]["url"]
        assert pages == 3
        assert text == whole


async def test_a_stream_may_begin_at_a_cursor() -> None:
    async with await served(*(point(ago, {"a": ago}) for ago in range(1, 10))) as client:
        cursor = (await got(client, "limit=4"))["nextCursor"]
        rest = lines(await client.get(f"{URL}?format=ndjson&cursor={cursor}"))
        assert [item["properties"]["a"] for item in rest] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/csv", "csv"),
        ("application/x-ndjson", "ndjson"),
        ("application/json", "json"),
        ("*/*", "json"),
        ("text/*", "csv"),
        ("text/html, */*;q=0.8", "json"),
        ("application/json;q=0.5, text/csv;q=0.9", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("text/csv, application/json", "json"),
        ("nonsense", "json"),
    ],
)
async def test_the_form_is_what_the_client_likes_best(accept: str, form: str) -> None:
    async with await served(point(1, {"a": 1})) as client:
        answer = await client.get(URL, headers={"accept": accept})
        assert answer.headers["content-type"] == TYPES[form]
        assert answer.headers["vary"] == "Accept"


async def test_format_goes_before_accept() -> None:
    async with await served(point(1, {"a": 1})) as client:
        for form, media in TYPES.items():
            answer = await client.get(f"{URL}?format={form}", headers={"accept": "image/png"})
            assert answer.headers["content-type"] == media


async def test_a_client_that_takes_none_of_the_forms_is_told_so() -> None:
    async with await served(point(1, {"a": 1})) as client:
        answer = await client.get(URL, headers={"accept": "text/html"})
        assert is_problem(answer, 406, "not_acceptable")
