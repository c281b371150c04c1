"""Bodies become objects as on a kind cluster: 159 recorded answers, and what they do not show."""

from __future__ import annotations

import json
import time

import pytest

from shallowdive.embedded import defaults, quantity, schema
from shallowdive.embedded.kinds import kind_of, kinds
from shallowdive.embedded.status import ApiError
from tests.plain.embedded.recorded import Row, rows

POD = kind_of("pods")
CONFIGMAP = kind_of("configmaps")


def said(row: Row) -> str:
    try:
        schema.decode(kind_of(row["resource"]), row["body"])
    except ApiError as error:
        return f"{error.code} {error.message}"
    return "fine"


def test_a_body_of_a_wrong_type_is_refused_in_the_words_of_the_real_server() -> None:
    wrong = []
    for row in rows("decode"):
        want = f"400 {row['says']}" if row["code"] == 400 else "fine"
        if (got := said(row)) != want:
            wrong.append((row["body"], want, got))
    assert not wrong
    assert sum(row["code"] == 400 for row in rows("decode")) > 90


def test_unknown_fields_are_dropped_and_named_with_their_paths_in_the_order_of_the_body() -> None:
    body = {
        "metadata": {"name": "x", "foo": 1},
        "spec": {"containers": [{"name": "a", "imagee": 1}, {"name": "b", "env": [{"name": "A", "val": "x"}], "resources": {"limitz": 1}}]},
        "Spec": None,
    }
    value, unknown = schema.decode(POD, body)
    assert unknown == [
        "metadata.foo",
        "spec.containers[0].imagee",
        "spec.containers[1].env[0].val",
        "spec.containers[1].resources.limitz",
        "Spec",
    ]
    assert value["spec"]["containers"][0] == {"name": "a", "resources": {}}


def test_the_body_stays_as_it_was() -> None:
    body = {"metadata": {"name": "x", "foo": 1}, "data": {"a": None}}
    before = json.dumps(body)
    schema.decode(CONFIGMAP, body)
    assert json.dumps(body) == before


def test_null_drops_a_field_but_is_the_empty_value_in_a_map_and_in_a_list() -> None:
    value, _ = schema.decode(CONFIGMAP, {"metadata": {"name": "x", "labels": None}, "data": {"a": None, "b": "c"}, "immutable": None})
    assert value == {"metadata": {"name": "x"}, "data": {"a": "", "b": "c"}}
    pod, _ = schema.decode(POD, {"spec": {"containers": [{"args": [None, "a"], "resources": {"limits": {"cpu": None}}}]}})
    assert pod["spec"]["containers"][0] == {"name": "", "args": ["", "a"], "resources": {"limits": {"cpu": "0"}}}


def test_zeros_are_kept_only_where_the_real_server_tells_them_from_unset() -> None:
    spec = {
        "hostNetwork": False,
        "priority": 0,
        "hostname": "",
        "volumes": [],
        "affinity": {},
        "nodeSelector": {},
        "shareProcessNamespace": False,
    }
    value, _ = schema.decode(POD, {"spec": {**spec, "containers": []}})
    assert value["spec"] == {"priority": 0, "affinity": {}, "shareProcessNamespace": False, "containers": []}


def test_empty_structs_that_the_real_server_always_shows_are_there() -> None:
    value, _ = schema.decode(kind_of("services"), {"metadata": {"name": "x"}})
    assert value["status"] == {"loadBalancer": {}}
    value, _ = schema.decode(kind_of("deployments.apps"), {"spec": {}})
    assert value["spec"]["strategy"] == {}


@pytest.mark.parametrize(
    "text, written",
    [("0.5", "500m"), ("1000m", "1"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0.1Ki", "102400m"), ("1e4", "10e3"), ("1E3", "1E3"),
     ("1025.5Ki", "1050112"), ("0Gi", "0"),
     ("-0.5Gi", "-512Mi"), ("2.5G", "2500M"), ("100n", "100n"), ("0.0000000001", "1n"), (".5", "500m")],
)  # fmt: skip
def test_a_quantity_is_written_in_one_way(text: str, written: str) -> None:
    assert quantity.canonical(text) == written
    assert quantity.nano(written) == quantity.nano(text)


def test_an_amount_of_a_resource_is_a_thousandth_at_least() -> None:
    value, _ = schema.decode(POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": "0.0001"}}}]}})
    assert value["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "1m"


def test_quantities_are_compared_and_rounded_up() -> None:
    assert quantity.milli("0.5") == 500
    assert quantity.milli("100u") == 1
    assert quantity.whole("1.2Ki") == 1229
    assert quantity.nano("1Gi") > quantity.nano("1G")
    with pytest.raises(quantity.BadQuantity, match="unable to parse quantity's suffix"):
        quantity.nano("1mm")


def test_a_time_is_stored_in_utc_without_fractions() -> None:
    value, _ = schema.decode(CONFIGMAP, {"metadata": {"creationTimestamp": "2020-01-01T00:30:00.5+02:00"}})
    assert value["metadata"]["creationTimestamp"] == "2019-12-31T22:30:00Z"


def test_a_patch_that_leads_to_a_wrong_object_is_refused_with_the_patch() -> None:
    with pytest.raises(ApiError) as refused:
        schema.decode(CONFIGMAP, {"data": {"a": 1}}, where="map[data:map[a:1]]")
    assert refused.value.code == 422
    assert refused.value.message == ' "" is invalid: patch: Invalid value: "map[data:map[a:1]]": cannot convert int64 to string'
    with pytest.raises(ApiError, match=r"json: cannot unmarshal number into Go struct field ConfigMap\.data of type string"):
        schema.decode(CONFIGMAP, {"data": {"a": 1}}, where='{"data":{"a":1}}')


def test_decoding_a_pod_takes_well_under_a_tenth_of_a_millisecond() -> None:
    body = {
        "metadata": {"name": "x", "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 80}]}]},
    }
    schema.decode(POD, body)
    start = time.process_time()
    for _ in range(1000):
        schema.decode(POD, body)
    assert time.process_time() - start < 0.1


def parts(value: object) -> set[int]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {id(value)} | set().union(*map(parts, inner)) if isinstance(value, dict | list) else set()


@pytest.mark.parametrize("resource", [name for name, kind in kinds().items() if kind.schema])
def test_two_objects_share_nothing_that_their_owners_may_change(resource: str) -> None:
    """A job's controller once wrote its labels into the template of every Deployment that came without one."""
    kind = kind_of(resource)
    bodies = [{"metadata": {"name": "x", "namespace": "y"}, "spec": {}, "rules": [None], "data": {"a": None}} for _ in range(2)]
    one, other = (schema.decode(kind, body)[0] for body in bodies)
    assert not parts(one) & parts(other)
    if "spec" in one:
        for value in (one, other):
            defaults.set_defaults(kind, value)
        assert not parts(one) & parts(other)
