"""Bodies: what can be read, and what the real server says about what cannot."""

from __future__ import annotations

import pytest

from tests.plain.embedded.asking import APPLY, JSON_PATCH, MAPS, MERGE, PODS, Asking

YAML, PROTOBUF, STRATEGIC = "application/yaml", "application/vnd.kubernetes.protobuf", "application/strategic-merge-patch+json"
UNRECOGNIZED = "the object provided is unrecognized (must be of type ConfigMap): "
NOT_JSON = UNRECOGNIZED + "couldn't get version/kind; json parse error: "
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture(scope="module")
def api() -> Asking:
    api = Asking()
    api.maps("one")
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    api.made(
        DEPLOYMENTS,
        {"metadata": {"name": "web"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}},
    )
    return api


@pytest.mark.parametrize(
    "body, message",
    [(b"{", NOT_JSON + "unexpected end of JSON input ({)"), (b"", NOT_JSON + "unexpected end of JSON input (<empty>)"),
     (b"[]", NOT_JSON + "json: cannot unmarshal array into Go value of type struct"),
     (b"abc", NOT_JSON + "invalid character 'a' looking for beginning of value (616263)"),
     (b'{"a":1,}', NOT_JSON + "invalid character '}' looking for beginning of object key string"),
     (b'{"a":1} x', NOT_JSON + "invalid character 'x' after top-level value"), (b'{"a" 1}',
       NOT_JSON + "invalid character '1' after object key"),
     (b'{"a":1 2}', NOT_JSON + "invalid character '2' after object key:value pair"),
     (b'{"a":[1 2]}', NOT_JSON + "invalid character '2' after array element"),
     (b'{"kind":1}', NOT_JSON + "json: cannot unmarshal number into Go struct field .kind of type string"),
     (b'{"kind":"Pod","apiVersion":"v1"}',
      'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion'),
     (b'{"kind":"ConfigMap","apiVersion":"v2"}',
       'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered'),
     (b'{"metadata":{"name":"x","namespace":"other"}}',
       "the namespace of the provided object does not match the namespace sent on the request")],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_400_and_says_why(api: Asking, body: bytes, message: str) -> None:
    answer = api.post(MAPS, body)
    assert (answer.code, answer.body["message"][: len(message)]) == (400, message)


def test_a_body_needs_neither_kind_nor_version(api: Asking) -> None:
    assert api.made(MAPS, {"metadata": {"name": "bare"}}, dryRun="All")["kind"] == "ConfigMap"


def test_letters_that_are_not_utf8_are_replaced(api: Asking) -> None:
    answer = api.post(MAPS, b'{"metadata":{"name":"odd"},"data":{"a":"\xff"}}', dryRun="All")
    assert (answer.code, answer.body["data"]) == (201, {"a": "�"})


def test_unknown_and_double_fields_are_warned_of_refused_or_ignored(api: Asking) -> None:
    body = b'{"metadata":{"name":"w"},"data":{"a":"b","a":"c"},"datas":{}}'
    warned = api.post(MAPS, body, dryRun="All")
    assert (warned.code, warned.body["data"]) == (201, {"a": "c"})
    assert warned.headers["Warning"] == '299 - "duplicate field \\"data.a\\"", 299 - "unknown field \\"datas\\""'
    strict = api.post(MAPS, body, fieldValidation="Strict")
    assert strict.code == 400
    assert strict.body["message"].endswith('strict decoding error: duplicate field "data.a", unknown field "datas"')
    assert "Warning" not in api.post(MAPS, body, dryRun="All", fieldValidation="Ignore").headers
    assert api.post(MAPS, body, fieldValidation="Bad").code == 422


def test_a_part_given_twice_lies_on_top_of_the_first(api: Asking) -> None:
    body = b'{"metadata":{"name":"twice"},"data":{"a":"b"},"metadata":{"labels":{"x":"y"}},"data":{"c":"d"}}'
    made = api.post(MAPS, body, dryRun="All").body
    assert (made["metadata"]["name"], made["metadata"]["labels"], made["data"]) == ("twice", {"x": "y"}, {"a": "b", "c": "d"})


def test_a_string_that_looks_like_a_double_field_is_none(api: Asking) -> None:
    made = api.post(MAPS, {"metadata": {"name": "text"}, "data": {"a": '{"a":1,"a":2}'}}, dryRun="All")
    assert "Warning" not in made.headers


def test_yaml_is_read_and_its_doubles_have_lines(api: Asking) -> None:
    body = b"metadata: {name: y}\ndata: {a: b, when: '2026-01-01'}\ndata: {c: d}\n"
    made = api.post(MAPS, body, content=YAML, dryRun="All")
    assert (made.body["data"], made.headers["Warning"]) == ({"c": "d"}, '299 - "line 3: key \\"data\\" already set in map"')
    assert api.post(MAPS, b"a: [\n", content=YAML).body["message"].startswith(UNRECOGNIZED + "yaml: line 1: ")


def test_a_body_of_another_kind_of_text_is_415(api: Asking) -> None:
    answer = api.post(MAPS, {}, content="text/plain")
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
    assert api.patch(f"{MAPS}/one", {}, "application/json").body["message"] == "415: Unsupported Media Type"


def test_a_body_over_3_mib_is_413(api: Asking) -> None:
    answer = api.post(MAPS, {"data": {"a": "x" * (3 << 20)}})
    assert (answer.code, answer.body["message"]) == (413, "Request entity too large: limit is 3145728")


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """Protobuf by hand, for short fields."""
    parts = [bytes([n << 3, v]) if isinstance(v, int) else bytes([n << 3 | 2, len(v)]) + v for n, v in fields]
    return b"".join(parts)


def protobuf(api_version: bytes, kind: bytes, raw: bytes) -> bytes:
    return b"k8s\0" + message((1, message((1, api_version), (2, kind))), (2, raw))


def test_protobuf_is_read_as_kubectl_sends_it(api: Asking) -> None:
    meta = message((1, b"proto"), (11, message((1, b"app"), (2, b"web"))), (8, b""))
    raw = message((1, meta), (2, message((1, b"a"), (2, b"b"))), (4, 1))
    made = api.post(MAPS, protobuf(b"v1", b"ConfigMap", raw), content=PROTOBUF, dryRun="All")
    assert made.code == 201, made.body
    assert (made.body["metadata"]["labels"], made.body["data"], made.body["immutable"]) == ({"app": "web"}, {"a": "b"}, True)


def test_fields_of_an_inner_message_stand_beside_the_others(api: Asking) -> None:
    source = message((2, message((1, b""))))
    volume = message((1, b"v"), (2, source))
    port = message((1, b"http"), (3, 0x50))
    container = message((1, b"main"), (2, b"image"), (6, port))
    raw = message((1, message((1, b"proto"))), (2, message((1, volume), (2, container), (3, b"Never"))))
    made = api.post(PODS, protobuf(b"v1", b"Pod", raw), content=PROTOBUF, dryRun="All")
    assert made.code == 201, made.body
    spec = made.body["spec"]
    assert spec["volumes"][0] == {"name": "v", "emptyDir": {}}
    assert spec["containers"][0]["ports"] == [{"name": "http", "containerPort": 80, "protocol": "TCP"}]


@pytest.mark.parametrize("body", [b"k8s\0aaaa", b"nothing", protobuf(b"v1", b"ConfigMap", b"\x0a\x7f"), protobuf(b"v1", b"Pod", b"")])
def test_broken_protobuf_is_400(api: Asking, body: bytes) -> None:
    assert api.post(MAPS, body, content=PROTOBUF).code == 400


@pytest.mark.parametrize(
    "content, body, message",
    [(MERGE, b"{", "invalid JSON patch"), (JSON_PATCH, b"[", "invalid JSON patch"), (STRATEGIC, b"{", "invalid JSON patch"),
     (JSON_PATCH, b'{"a": 1}', "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
     (MERGE, b'{"metadata":{"name":"two"}}', "the name of the object (two) does not match the name on the URL (one)"),
     (MERGE, b'{"metadata":{"name":null}}', "the name of the object (one based on URL) was undeterminable: name must be provided")],
)  # fmt: skip
def test_a_patch_that_cannot_be_read_is_400(api: Asking, content: str, body: bytes, message: str) -> None:
    answer = api.patch(f"{MAPS}/one", body, content)
    assert (answer.code, answer.body["message"]) == (400, message)


@pytest.mark.parametrize(
    "change, why",
    [({"spec": {"replicas": "many"}}, 'Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32'),
     ({"spec": {"template": "x"}}, "cannot restore struct from: string"), ({"metadata": {"labels": {"a": 1}}},
       "cannot convert int64 to string"),
     ({"spec": {"template": {"spec": {"containers": "x"}}}}, "cannot restore slice from string")],
)  # fmt: skip
def test_a_strategic_patch_of_a_wrong_type_shows_the_patch(api: Asking, change: object, why: str) -> None:
    answer = api.patch(f"{DEPLOYMENTS}/web", change, STRATEGIC)
    assert (answer.code, answer.body["message"].startswith(' "" is invalid: patch: '), answer.body["message"].endswith(why)) == (
        422,
        True,
        True,
    )


def test_an_apply_says_what_it_is_and_who_applies(api: Asking) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"x": "y"}}
    assert api.patch(f"{MAPS}/one", body, APPLY).body["message"].endswith("fieldManager: Required value: is required for apply patch")
    assert api.patch(f"{MAPS}/one", {"metadata": {}}, APPLY, fieldManager="m").body["message"] == "invalid object type: /, Kind="
    made = api.patch(f"{MAPS}/one", b"{apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {x: y}}", APPLY, fieldManager="m")
    assert (made.code, made.body["data"]) == (200, {"a": "b", "x": "y"})
    assert api.patch(f"{MAPS}/one", {}, MERGE, force="true").code == 422
