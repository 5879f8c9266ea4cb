"""One Thing over REST, clause by clause of the contract's section 2."""

from typing import Any

import httpx
import pytest
from tests.rest.served import World

from egizcore.state import LimitSettings

OVEN: dict[str, Any] = {"id": "f:oven", "type": "oven", "metadata": {"name": "One"}}
URL = "/api/v1/things/f:oven"
OPEN = b'{"id":"f:a","type":"oven","metadata":'


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    problem = answer.json()
    return (
        answer.status_code == status == problem["status"]
        and problem["code"] == code
        and problem["type"] == f"/docs/errors#{code}"
        and answer.headers["content-type"] == "application/problem+json"
        and all(problem[name] for name in ("title", "detail", "hint"))
    )


async def test_a_created_thing_is_given_back_with_its_place_and_tag() -> None:
    async with World().client() as client:
        answer = await client.post("/api/v1/things", json=OVEN)
        assert answer.status_code == 201
        assert answer.headers["location"] == URL
        assert answer.headers["etag"] == '"rev:epoch1-1"'
        thing = answer.json()
        assert thing == {
            **OVEN, "features": {}, "relationships": [], "version": 1,
            "createdAt": "2026-01-27T10:30:00.000Z", "lastUpdated": "2026-01-27T10:30:00.000Z",
        }  # fmt: skip
        assert (await client.get(URL)).json() == thing
        assert is_problem(await client.post("/api/v1/things", json=OVEN), 409, "already_exists")


async def test_get_edit_put_works() -> None:
    async with World().client() as client:
        await client.post("/api/v1/things", json=OVEN)
        await client.put(f"{URL}/features/thermal", json={"properties": {"t": 1}})
        thing = (await client.get(URL)).json()
        thing["metadata"]["name"] = "Two"
        answer = await client.put(URL, json=thing)
        assert answer.status_code == 200
        assert answer.json()["metadata"] == {"name": "Two"}
        stale = await client.put(URL, json=thing)
        assert is_problem(stale, 409, "version_conflict")
        problem = stale.json()
        assert (problem["expected"], problem["actual"]) == (2, answer.json()["version"])


async def test_put_creates_and_revives_nothing_that_a_stale_edit_names() -> None:
    async with World().client() as client:
        created = await client.put(URL, json={"type": "oven"})
        assert created.status_code == 201
        assert created.headers["location"] == URL
        await client.delete(URL)
        stale = await client.put(URL, json=created.json())
        assert is_problem(stale, 409, "version_conflict")
        again = await client.put(URL, json={"type": "oven"})
        assert again.json()["version"] == 3


async def test_another_id_than_the_paths_is_refused() -> None:
    async with World().client() as client:
        for method in ("PUT", "PATCH"):
            await client.put(URL, json={"type": "oven"})
            answer = await client.request(method, URL, json={**OVEN, "id": "f:other"})
            assert is_problem(answer, 400, "validation_failed")
            assert answer.json()["errors"][0]["pointer"] == "/id"


async def test_put_if_none_match_creates_only() -> None:
    async with World().client() as client:
        only_new = {"If-None-Match": "*"}
        assert (await client.put(URL, json=OVEN, headers=only_new)).status_code == 201
        answer = await client.put(URL, json=OVEN, headers=only_new)
        assert is_problem(answer, 412, "precondition_failed")


async def test_if_match_guards_every_write() -> None:
    async with World().client() as client:
        stale = {"If-Match": '"rev:epoch1-99"'}
        for method, url, body in (
            ("POST", "/api/v1/things", OVEN),
            ("PUT", URL, OVEN),
        ):
            answer = await client.request(method, url, json=body, headers=stale)
            assert is_problem(answer, 412, "precondition_failed"), method
        await client.post("/api/v1/things", json=OVEN)
        await client.put(f"{URL}/features/a", json={})
        for method, url in (
            ("PUT", URL), ("PATCH", URL), ("PUT", f"{URL}/features/a"),
            ("PATCH", f"{URL}/features/a"), ("DELETE", f"{URL}/features/a"), ("DELETE", URL),
        ):  # fmt: skip
            some: Any = {} if "features" in url else {"type": "oven"}
            sent = None if method == "DELETE" else some
            for tag in ('"rev:epoch1-99"', 'W/"rev:epoch1-2"', "", "nonsense", '"rev:old-2"'):
                answer = await client.request(method, url, json=sent, headers={"If-Match": tag})
                assert is_problem(answer, 412, "precondition_failed"), (method, url, tag)
        right = {"If-Match": '"x", "rev:epoch1-2"'}
        assert (await client.patch(URL, json={"metadata": {"a": 1}}, headers=right)).is_success
        assert (await client.delete(URL, headers={"If-Match": "*"})).status_code == 204


async def test_tag_and_version_must_both_hold() -> None:
    async with World().client() as client:
        await client.post("/api/v1/things", json=OVEN)
        right, wrong = {"If-Match": '"rev:epoch1-1"'}, {"If-Match": '"rev:epoch1-2"'}
        body = {"metadata": {"a": 1}}
        for headers, version, code in (
            (right, 2, "version_conflict"),
            (wrong, 1, "precondition_failed"),
        ):
            answer = await client.patch(URL, json={**body, "version": version}, headers=headers)
            assert answer.json()["code"] == code
        assert (await client.patch(URL, json={**body, "version": 1}, headers=right)).is_success


async def test_a_reader_that_has_the_thing_gets_304_on_get_and_head() -> None:
    async with World().client() as client:
        tag = (await client.post("/api/v1/things", json=OVEN)).headers["etag"]
        for method in ("GET", "HEAD"):
            for value in (tag, f"W/{tag}", f'"a", {tag}', "*"):
                answer = await client.request(method, URL, headers={"If-None-Match": value})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["etag"] == tag
        assert (await client.get(URL, headers={"If-None-Match": "garbage"})).status_code == 200


async def test_a_patch_merges_and_null_deletes() -> None:
    async with World().client() as client:
        await client.post("/api/v1/things", json=OVEN)
        for media in ("application/merge-patch+json", "application/json; charset=utf-8"):
            answer = await client.patch(
                URL,
                content=b'{"metadata": {"name": null, "at": {"line": "a"}}}',
                headers={"content-type": media},
            )
            assert answer.json()["metadata"] == {"at": {"line": "a"}}
        empty = await client.patch(URL, json={})
        assert empty.status_code == 200
        assert empty.json()["version"] == 3


async def test_delete_answers_nothing_and_then_there_is_nothing() -> None:
    async with World().client() as client:
        await client.post("/api/v1/things", json=OVEN)
        gone = await client.delete(URL)
        assert (gone.status_code, gone.content) == (204, b"")
        for method in ("GET", "DELETE"):
            assert is_problem(await client.request(method, URL), 404, "thing_not_found")
        assert is_problem(await client.patch(URL, json={}), 404, "thing_not_found")


async def test_fields_cut_the_thing_and_keep_its_id() -> None:
    async with World().client() as client:
        await client.post("/api/v1/things", json=OVEN)
        answer = await client.get(f"{URL}?fields=type,metadata.name,metadata.nothing")
        assert answer.json() == {"id": "f:oven", "type": "oven", "metadata": {"name": "One"}}
        assert answer.headers["etag"] == '"rev:epoch1-1"'
        for fields in ("colour", "type,", "type..a", ",".join(["type"] * 65)):
            wrong = await client.get(URL, params={"fields": fields})
            assert is_problem(wrong, 400, "validation_failed"), fields
            assert wrong.json()["errors"][0]["pointer"] == "?fields"


async def test_relationships_are_told_from_both_ends() -> None:
    async with World().client() as client:
        links = [{"type": "partOf", "targetId": "f:line"}, {"type": "near", "targetId": "f:x"}]
        await client.post("/api/v1/things", json={**OVEN, "relationships": links})
        out = [
            {"type": "partOf", "sourceId": "f:oven", "targetId": "f:line"},
            {"type": "near", "sourceId": "f:oven", "targetId": "f:x"},
        ]
        for url, expected in (
            (f"{URL}/relationships", out),
            (f"{URL}/relationships?direction=out&type=near", out[1:]),
            (f"{URL}/relationships?direction=in", []),
            ("/api/v1/things/f:line/relationships?direction=in", out[:1]),
        ):
            assert (await client.get(url)).json() == {"items": expected}
        for url in (
            "/api/v1/things/f:line/relationships",
            "/api/v1/things/f:no/relationships?direction=in",
        ):
            assert is_problem(await client.get(url), 404, "thing_not_found")
        for query in ("direction=up", "type=a.b", "direction=in&direction=in", "type="):
            answer = await client.get(f"{URL}/relationships?{query}")
            assert is_problem(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[" * 100_000, "limit_exceeded"),
        (b'{"id":"f:a","type":"oven","metadata":{"a":NaN}}', "bad_json"),
        (b'{"id":"f:a","type":"oven","metadata":{"a":1e400}}', "bad_json"),
        (b'{"id":"f:a","type":"oven","metadata":{"a":18446744073709551616}}', "bad_json"),
        (b'{"id":"f:a","type":"oven","type":"oven"}', "bad_json"),
        (b'{"id":"f:a","type":"\xff"}', "bad_json"),
        (b'{"id":"f:a","type":"oven","metadata":{"a":"\\ud800"}}', "bad_json"),
        (b"[]", "validation_failed"),
        (b"null", "validation_failed"),
        (b'{"type":"oven"}', "validation_failed"),
        (b'{"id":"f:a"}', "validation_failed"),
        (b'{"id":"oven","type":"oven"}', "validation_failed"),
        (b'{"id":"f:a\\n","type":"oven"}', "validation_failed"),
        (b'{"id":"f:a","type":"oven","colour":1}', "validation_failed"),
        (b'{"id":"f:a","type":null}', "validation_failed"),
        (OPEN + b'{"a":' * 20 + b"1" + b"}" * 20 + b"}", "limit_exceeded"),
        (OPEN + b'{"a":"' + b"x" * 300_000 + b'"}}', "limit_exceeded"),
    ],
)  # fmt: skip
async def test_a_bad_body_is_a_400_and_nothing_else(body: bytes, code: str) -> None:
    world = World()
    async with world.client() as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/api/v1/things", content=body, headers=headers)
        assert is_problem(answer, 400, code)
    assert not world.store.things
    assert world.failures == 0


async def test_all_faults_of_a_document_are_told_at_once() -> None:
    async with World().client() as client:
        body = {"id": "oven", "type": "a b", "features": {"a.b": {}}, "x": 1}
        answer = await client.post("/api/v1/things", json=body)
        pointers = {fault["pointer"] for fault in answer.json()["errors"]}
        assert pointers == {"/id", "/type", "/features/a.b", "/x"}


@pytest.mark.parametrize(
    "thing_id",
    ["oven", "%00", "f:%00", "f%2Foven", "..%2f..%2fetc", "%2e%2e", "f:a%0d%0aX-Y:1", "f:ä",
     "f:" + "a" * 10_000, ":", "f:", "%ff", "f:a%20b", "f:oven%0a"],
)  # fmt: skip
async def test_an_ill_formed_id_in_the_path_is_a_400(thing_id: str) -> None:
    world = World()
    async with world.client() as client:
        for tail in ("", "/features", "/features/a", "/relationships", "/history"):
            answer = await client.get(f"/api/v1/things/{thing_id}{tail}")
            assert is_problem(answer, 400, "validation_failed"), tail
    assert world.failures == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/merge-patch+json"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
async def test_a_foreign_body_is_a_415(headers: dict[str, str]) -> None:
    async with World().client() as client:
        request = client.build_request("POST", "/api/v1/things", content=b"{}", headers=headers)
        assert is_problem(await client.send(request), 415, "unsupported_media_type")


async def test_the_nesting_that_is_allowed_is_a_setting() -> None:
    world = World(limits=LimitSettings(nesting=2))
    async with world.client() as client:
        thing = {"id": "f:a", "type": "oven", "metadata": {"m": {"a": {"b": 1}}}}
        assert (await client.post("/api/v1/things", json=thing)).status_code == 201
        patch = {"properties": {"p": {"a": {"b": [1]}}}}
        answer = await client.put("/api/v1/things/f:a/features/x", json=patch)
        assert is_problem(answer, 400, "limit_exceeded")
        assert answer.json()["errors"][0]["pointer"] == "/properties/p/a/b"
