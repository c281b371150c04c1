"""Lists and selectors, as a query writes them and as the real server refuses them."""

from __future__ import annotations

import pytest

from tests.plain.embedded.asking import MAPS, Asking


@pytest.fixture(scope="module")
def api() -> Asking:
    api = Asking()
    for number in range(5):
        api.maps(f"c{number}", app="x" if number < 3 else "y", n=str(number))
    api.maps("bare")
    return api


def listed(api: Asking, **query: object) -> list[str]:
    answer = api.get(MAPS, **query)
    assert answer.code == 200, answer.body
    return [item["metadata"]["name"] for item in answer.body["items"]]


@pytest.mark.parametrize(
    "selector, wanted",
    [("app=x", "c0 c1 c2"), ("app==x", "c0 c1 c2"), ("app!=x", "bare c3 c4"), ("app in (x,z)", "c0 c1 c2"), ("app notin (x)", "bare c3 c4"),
     ("app", "c0 c1 c2 c3 c4"), ("!app", "bare"), ("n>2", "c3 c4"), ("n<3", "c0 c1 c2"), ("app=x,n=1", "c1"), ("app=", ""), ("app in ()",
       ""),
     (" app = x ", "c0 c1 c2"), ("app in (x),n notin (1)", "c0 c2")],
)  # fmt: skip
def test_a_label_selector_picks(api: Asking, selector: str, wanted: str) -> None:
    assert [n for n in listed(api, labelSelector=selector) if n != "kube-root-ca.crt"] == wanted.split()


@pytest.mark.parametrize(
    "selector, message",
    [("=x", "found '=', expected: !, identifier, or 'end of string'"), ("app in", "unable to parse requirement: found '' expected: '('"),
     ("app in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"), ("app=x y",
       "found 'y', expected: ',' or 'end of string'"),
     ("app in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
     ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"), ("app=x,",
       "found '', expected: identifier after ','"),
     ("n>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"),
     ("!", "unable to parse requirement: found '', expected: identifier")],
)  # fmt: skip
def test_a_label_selector_that_cannot_be_read_is_refused_in_the_real_words(api: Asking, selector: str, message: str) -> None:
    answer = api.get(MAPS, labelSelector=selector)
    assert (answer.code, answer.body["message"]) == (400, message)


@pytest.mark.parametrize(
    "selector, wanted",
    [("metadata.name=c1", "c1"), ("metadata.name==c1", "c1"), ("metadata.name=c1,metadata.name=c2", ""), ("metadata.name=c1,", "c1"),
     ("metadata.namespace=default,metadata.name=c2", "c2"), ("metadata.namespace=other", "")],
)  # fmt: skip
def test_a_field_selector_picks(api: Asking, selector: str, wanted: str) -> None:
    assert listed(api, fieldSelector=selector) == wanted.split()


@pytest.mark.parametrize(
    "path, selector, message",
    [(MAPS, "data.a=b", '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'),
     (MAPS, "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
     ("/api/v1/pods", "status.foo=1", "field label not supported: status.foo"),
     ("/apis/events.k8s.io/v1/events", "involvedObject.name=x", "field label not supported: involvedObject.name")],
)  # fmt: skip
def test_a_field_that_a_kind_cannot_be_selected_by_is_refused(api: Asking, path: str, selector: str, message: str) -> None:
    answer = api.get(path, fieldSelector=selector)
    assert (answer.code, answer.body["message"]) == (400, message)


def test_pages_together_are_the_list_at_the_moment_of_the_first_page() -> None:
    api = Asking()
    api.maps(*"abcdef")
    first = api.get(MAPS, limit=2).body
    assert first["metadata"]["remainingItemCount"] == 4
    api.maps("bb")
    api.delete(f"{MAPS}/c")
    second = api.get(MAPS, limit=2, continue_=first["metadata"]["continue"]).body
    rest = api.get(MAPS, continue_=second["metadata"]["continue"]).body
    names = [i["metadata"]["name"] for page in (first, second, rest) for i in page["items"]]
    assert names == list("abcdef")
    assert {page["metadata"]["resourceVersion"] for page in (first, second, rest)} == {first["metadata"]["resourceVersion"]}
    assert "continue" not in rest["metadata"]


def test_a_page_of_a_selection_does_not_say_how_many_are_left(api: Asking) -> None:
    assert "remainingItemCount" not in api.get(MAPS, limit=1, labelSelector="app=x").body["metadata"]


def test_a_page_that_comes_too_late_is_410_with_a_token_to_go_on_with() -> None:
    api = Asking()
    api.maps(*"abc")
    token = api.get(MAPS, limit=1).body["metadata"]["continue"]
    for number in range(5000):
        api.cluster.store.put(
            "configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "busy", "namespace": "other", "n": number}}
        )
    late = api.get(MAPS, limit=1, continue_=token)
    assert (late.code, late.body["reason"]) == (410, "Expired")
    assert late.body["message"].startswith("The provided continue parameter is too old to display a consistent list result.")
    rest = api.get(MAPS, continue_=late.body["metadata"]["continue"])
    assert [i["metadata"]["name"] for i in rest.body["items"]] == ["b", "c"]


def test_a_list_of_the_past_is_asked_for_with_exact() -> None:
    api = Asking()
    api.maps("a")
    then = api.get(MAPS).body["metadata"]["resourceVersion"]
    api.maps("b")
    assert listed(api, resourceVersion=then, resourceVersionMatch="Exact") == ["a"]
    assert listed(api, resourceVersion=then, resourceVersionMatch="NotOlderThan") == ["a", "b"]
    assert listed(api, resourceVersion="0") == ["a", "b"]


@pytest.mark.parametrize(
    "query, code, message",
    [({"resourceVersion": "abc"}, 400,
      'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'),
     ({"resourceVersion": "99999999"}, 504, "Timeout: Too large resource version: 99999999, current: "),
     ({"resourceVersionMatch": "Exact"}, 422,
       "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
     ({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, 422, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
     ({"sendInitialEvents": "true"}, 422, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
     ({"continue": "abc"}, 400, "invalid continue token: continue key is not valid"), ({"limit": "x"}, 400,
       'strconv.ParseInt: parsing "x": invalid syntax')],
)  # fmt: skip
def test_list_options_that_make_no_sense_are_refused(api: Asking, query: dict[str, str], code: int, message: str) -> None:
    answer = api.get(MAPS, **query)
    assert (answer.code, message in answer.body["message"]) == (code, True), answer.body


def test_the_namespace_of_a_list_may_be_absent() -> None:
    answer = Asking().get("/api/v1/namespaces/nowhere/pods")
    assert (answer.code, answer.body["kind"], answer.body["items"]) == (200, "PodList", [])
