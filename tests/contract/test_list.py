"""Lists: selectors, pages, and which moment they show."""

from __future__ import annotations

import pytest

from tests.contract.api import Api, Json
from tests.contract.conftest import Target, config_map

LABELS = {"a": {"tier": "front", "env": "prod"}, "b": {"tier": "back", "env": "prod"}, "c": {"tier": "back", "env": "test"}, "d": {}}


def names(body: Json) -> list[str]:
    return [i["metadata"]["name"] for i in body["items"]]


@pytest.fixture(scope="module")
def four(target: Target) -> str:
    """Secrets (no controller makes one here): a b c d with labels."""
    path = f"/api/v1/namespaces/{target.namespace()}/secrets"
    for name in ("d", "b", "a", "c"):
        target.api.made(path, {"metadata": {"name": name, "labels": LABELS[name]}, "type": "example.org/odd" if name in "ac" else "Opaque"})
    return path


@pytest.mark.parametrize(
    "selector, found",
    [
        ("tier=back", "bc"),
        ("tier==back", "bc"),
        ("tier!=back", "ad"),
        ("tier in (front,back)", "abc"),
        ("tier notin (front)", "bcd"),
        ("tier", "abc"),
        ("!tier", "d"),
        ("tier=back,env=prod", "b"),
        ("tier in (back),env notin (prod)", "c"),
        ("env in (prod),!tier", ""),
        ("", "abcd"),
    ],
)
def test_label_selectors(api: Api, four: str, selector: str, found: str) -> None:
    assert names(api.seen(four, labelSelector=selector)) == list(found)


@pytest.mark.parametrize(
    "selector, message",
    [
        ("tier in (back", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
    ],
)
def test_a_label_selector_that_cannot_be_read_is_400(api: Api, four: str, selector: str, message: str) -> None:
    answer = api.get(four, labelSelector=selector)
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (400, "BadRequest", message)


@pytest.mark.parametrize(
    "selector, found", [("metadata.name=b", "b"), ("metadata.name!=b", "acd"), ("type=Opaque", "bd"), ("type!=Opaque,metadata.name=a", "a")]
)
def test_field_selectors(api: Api, four: str, selector: str, found: str) -> None:
    assert names(api.seen(four, fieldSelector=selector)) == list(found)


@pytest.mark.parametrize(
    "resource, selector, message",
    [
        ("pods", "spec.nothing=1", "field label not supported: spec.nothing"),
        ("pods", "nothing", "invalid selector: 'nothing'; can't understand 'nothing'"),
        ("configmaps", "data.a=1", '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ],
)
def test_a_field_that_cannot_be_selected_is_400(api: Api, ns: str, resource: str, selector: str, message: str) -> None:
    answer = api.get(f"/api/v1/namespaces/{ns}/{resource}", fieldSelector=selector)
    assert (answer.code, answer.body["message"]) == (400, message)


def test_a_list_is_sorted_by_name_and_its_items_carry_no_kind(api: Api, four: str) -> None:
    body = api.seen(four)
    assert (body["kind"], body["apiVersion"], names(body)) == ("SecretList", "v1", list("abcd"))
    assert not any("kind" in i or "apiVersion" in i for i in body["items"])
    assert body["metadata"]["resourceVersion"].isdigit()


def test_all_namespaces_in_one_list(api: Api, four: str, own: str) -> None:
    api.made(f"/api/v1/namespaces/{own}/secrets", {"metadata": {"name": "a", "labels": {"tier": "front"}}})
    found = {(i["metadata"]["namespace"], i["metadata"]["name"]) for i in api.seen("/api/v1/secrets", labelSelector="tier=front")["items"]}
    assert {(own, "a"), (four.split("/")[4], "a")} <= found
    items = api.seen("/api/v1/secrets", fieldSelector=f"metadata.namespace={own}")["items"]
    assert [i["metadata"]["namespace"] for i in items] == [own]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_pages_follow_one_another_and_count_what_is_left(api: Api, four: str) -> None:
    first = api.seen(four, limit=3)
    assert names(first) == ["a", "b", "c"]
    assert first["metadata"]["remainingItemCount"] == 1
    second = api.seen(four, limit=3, continue_=first["metadata"]["continue"])
    assert names(second) == ["d"]
    assert "continue" not in second["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_page_with_a_selector_does_not_count(api: Api, four: str) -> None:
    page = api.seen(four, limit=1, labelSelector="tier=back")
    assert names(page) == ["b"]
    assert "remainingItemCount" not in page["metadata"]
    assert names(api.seen(four, limit=5, labelSelector="tier=back", continue_=page["metadata"]["continue"])) == ["c"]


def test_later_pages_show_the_moment_of_the_first(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/secrets"
    for name in "acd":
        api.made(path, {"metadata": {"name": name}})
    first = api.seen(path, limit=1)
    api.made(path, {"metadata": {"name": "b"}})
    api.delete(f"{path}/d")
    assert names(api.seen(path, continue_=first["metadata"]["continue"])) == ["c", "d"]
    assert names(api.seen(path)) == ["a", "b", "c"]


def test_a_limit_over_the_number_is_one_page(api: Api, four: str) -> None:
    assert "continue" not in api.seen(four, limit=4)["metadata"]


def test_a_continue_token_that_nobody_gave_is_400(api: Api, four: str) -> None:
    answer = api.get(four, continue_="xx")
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith("invalid continue token: continue key is not valid: ")


def test_a_limit_that_is_no_number_is_400(api: Api, four: str) -> None:
    assert api.get(four, limit="x").body["message"] == 'strconv.ParseInt: parsing "x": invalid syntax'


# ── which moment ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_list_of_an_exact_version_shows_the_past(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/secrets"
    made = api.made(path, {"metadata": {"name": "a"}})
    then = api.made(path, {"metadata": {"name": "b"}})["metadata"]["resourceVersion"]
    api.delete(f"{path}/a")
    assert names(api.seen(path)) == ["b"]
    past = api.seen(path, resourceVersion=then, resourceVersionMatch="Exact")
    assert names(past) == ["a", "b"]
    assert past["items"][0]["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    "query", [{"resourceVersion": "0"}, {"resourceVersion": "1"}, {"resourceVersion": "1", "resourceVersionMatch": "NotOlderThan"}]
)
def test_a_list_not_older_than_a_version_is_a_present_one(api: Api, four: str, query: Json) -> None:
    body = api.seen(four, **query)
    assert names(body) == list("abcd")
    assert int(body["metadata"]["resourceVersion"]) > 1


@pytest.mark.parametrize(
    "query, code, message",
    [
        (
            {"resourceVersion": "abc"},
            400,
            'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
        ),
        (
            {"resourceVersionMatch": "Exact"},
            422,
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
            422,
            'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        (
            {"resourceVersion": "5", "resourceVersionMatch": "Sometime"},
            422,
            'resourceVersionMatch: Unsupported value: "Sometime": supported values: "Exact", "NotOlderThan", ""',
        ),
    ],
)
def test_a_moment_that_cannot_be_shown(api: Api, four: str, query: Json, code: int, message: str) -> None:
    answer = api.get(four, **query)
    assert answer.code == code
    assert answer.body["message"].removeprefix('ListOptions.meta.k8s.io "" is invalid: ') == message
    assert answer.body["reason"] == {400: "BadRequest", 422: "Invalid"}[code]


def test_the_first_moment_of_a_cluster_is_forgotten(api: Api, four: str) -> None:
    """A server forgets when its store is compacted; a young one remembers that there was nothing."""
    answer = api.get(four, resourceVersion="1", resourceVersionMatch="Exact")
    if answer.code == 200:
        assert answer.body["items"] == []
        return
    assert (answer.code, answer.body["reason"]) == (410, "Expired")
    assert answer.body["message"] == "The resourceVersion for the provided list is too old."


def test_a_moment_that_has_not_come_is_a_timeout(api: Api, four: str) -> None:
    answer = api.get(four, resourceVersion="999999999")
    assert (answer.code, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["message"].startswith("Timeout: Too large resource version: 999999999, current: ")
    assert answer.body["details"]["causes"] == [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]


def test_the_client_lists_in_pages(target: Target, own: str) -> None:
    from kubernetes import client

    core = client.CoreV1Api(target.api.client)
    for n in range(3):
        core.create_namespaced_config_map(own, config_map(f"m{n}", a="b"))
    page = core.list_namespaced_config_map(own, limit=2, field_selector="metadata.name!=kube-root-ca.crt")
    rest = core.list_namespaced_config_map(own, _continue=page.metadata._continue, field_selector="metadata.name!=kube-root-ca.crt")
    assert sorted(i.metadata.name for i in page.items + rest.items) == ["m0", "m1", "m2"]
