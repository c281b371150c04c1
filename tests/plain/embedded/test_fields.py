"""Who owns which field, and server-side apply: thirteen stories of up to fourteen steps recorded on a kind cluster."""

from __future__ import annotations

import json
import time

import pytest

from shallowdive.embedded import defaults, fields, fieldsets, patch, schema
from shallowdive.embedded.kinds import kind_of
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import clone
from tests.plain.embedded.recorded import Row, bare, causes_of, checked, created, difference, rows

STORIES = rows("apply")
POD, CONFIGMAP, DEPLOYMENT = kind_of("pods"), kind_of("configmaps"), kind_of("deployments.apps")


def step_taken(resource: str, live: Row | None, step: Row, now: str) -> Row:
    kind = kind_of(resource)
    if step["op"] == "apply":
        value = fields.apply(kind, live, clone(step["body"]), step["manager"], force=step.get("force", False), subresource="", now=now)
        defaults.set_defaults(kind, value)
        return checked(kind, live, value)
    if live is None:
        return created(kind, step["body"], step["manager"])
    value, _ = schema.decode(kind, patch.merge_patch(live, step["body"]))
    defaults.set_defaults(kind, value)
    fields.after_write(kind, live, value, step["manager"], "Update", "scale" if step["op"] == "scale" else "", now)
    return value


@pytest.mark.parametrize("story", STORIES, ids=[f"{i}-{story['resource']}" for i, story in enumerate(STORIES)])
def test_a_story_of_applies_and_updates_ends_each_step_as_on_kind(story: Row) -> None:
    live, wrong = None, []
    for number, step in enumerate(story["steps"]):
        refused = None
        try:
            live = step_taken(story["resource"], live, step, f"2026-01-01T00:00:{number:02}Z")
        except ApiError as error:
            refused = error
        want, got = step.get("says"), refused and refused.message
        if want != got or (refused and causes_of(refused) != step["causes"]):
            wrong.append((number, want, got))
        if found := difference(without_marks(bare(step["after"])), without_marks(bare(live))):
            wrong.append((number, step["body"], found))
    assert not wrong


def without_marks(value: Row | None) -> Row | None:
    if value is not None and value["metadata"].get("annotations") == {}:
        del value["metadata"]["annotations"]
    return value


def written(old: Row, edit: Row, manager: str = "kubectl", subresource: str = "", now: str = "later") -> Row:
    value = patch.merge_patch(old, edit)
    fields.after_write(kind_of("configmaps") if old["kind"] == "ConfigMap" else POD, old, value, manager, "Update", subresource, now)
    return value


def entries(value: Row) -> dict[str, Row]:
    return {entry["manager"]: entry for entry in value["metadata"].get("managedFields", ())}


def config_map(**data: str) -> Row:
    return created(CONFIGMAP, {"metadata": {"name": "x"}, "data": data}, "maker")


def test_a_write_that_changes_nothing_leaves_the_entries_and_their_times_alone() -> None:
    old = config_map(a="1")
    new = written(old, {"data": {"a": "1"}})
    assert new["metadata"]["managedFields"] == old["metadata"]["managedFields"]
    assert fields.same_but_times(old, new)


def test_who_changes_a_field_takes_it_from_its_owner() -> None:
    new = written(config_map(a="1", b="2"), {"data": {"a": "9"}})
    assert entries(new)["kubectl"]["fieldsV1"] == {"f:data": {"f:a": {}}}
    assert entries(new)["maker"]["fieldsV1"] == {"f:data": {".": {}, "f:b": {}}}


def test_an_entry_without_fields_goes_and_a_removal_alone_keeps_the_time() -> None:
    old = written(config_map(a="1"), {"data": {"b": "2"}}, "kubectl", now="earlier")
    new = written(old, {"data": {"b": None}}, "kubectl", now="later")
    assert "kubectl" not in entries(new)
    old = written(old, {"data": {"c": "3"}}, "kubectl", now="earlier")
    assert entries(written(old, {"data": {"b": None}}, "kubectl", now="later"))["kubectl"]["time"] == "earlier"


def test_the_status_has_an_entry_of_its_own() -> None:
    old = created(POD, {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "i"}]}}, "kubectl")
    new = written(old, {"status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}}, "kubelet", "status")
    assert entries(new)["kubelet"]["subresource"] == "status"
    assert entries(new)["kubelet"]["fieldsV1"] == {
        "f:status": {"f:phase": {}, "f:podIPs": {".": {}, 'k:{"ip":"10.0.0.1"}': {".": {}, "f:ip": {}}}}
    }
    assert entries(new)["kubectl"] == entries(old)["kubectl"]


def test_a_difference_in_times_alone_is_no_difference() -> None:
    old = config_map(a="1")
    new = clone(old)
    new["metadata"]["managedFields"][0]["time"] = "2030-01-01T00:00:00Z"
    assert fields.same_but_times(old, new)
    new["metadata"]["managedFields"][0]["manager"] = "other"
    assert not fields.same_but_times(old, new)


def test_entries_stand_by_operation_time_and_manager() -> None:
    old = written(config_map(a="1"), {"data": {"b": "1"}}, "zed", now="2026-01-01T00:00:00Z")
    old = written(old, {"data": {"c": "1"}}, "amy", now="2026-01-01T00:00:05Z")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"d": "1"}}
    new = fields.apply(CONFIGMAP, old, body, "late", force=False, subresource="", now="2026-01-01T00:00:09Z")
    assert list(entries(new)) == ["late", "maker", "zed", "amy"]


def test_applying_the_same_again_keeps_the_time_of_the_entry() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
    first = fields.apply(CONFIGMAP, None, body, "me", force=False, subresource="", now="earlier")
    again = fields.apply(CONFIGMAP, first, body, "me", force=False, subresource="", now="later")
    assert again == first
    body["data"] = {"a": "2"}
    assert entries(fields.apply(CONFIGMAP, first, body, "me", force=False, subresource="", now="later"))["me"]["time"] == "later"


def test_conflicts_are_listed_level_by_level() -> None:
    live = created(DEPLOYMENT, STORIES[6]["steps"][0]["body"], "other")
    spec = {"template": {"spec": {"containers": [{"name": "a", "image": "j"}], "terminationGracePeriodSeconds": 5}}, "replicas": 3}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "s"}, "spec": spec}
    with pytest.raises(ApiError) as refused:
        fields.apply(DEPLOYMENT, live, body, "me", force=False, subresource="", now="now")
    assert refused.value.message == (
        'Apply failed with 3 conflicts: conflicts with "other" using apps/v1:\n- .spec.replicas\n'
        '- .spec.template.spec.terminationGracePeriodSeconds\n- .spec.template.spec.containers[name="a"].image'
    )


def test_an_apply_touches_the_status_only_through_its_subresource() -> None:
    live = created(DEPLOYMENT, STORIES[6]["steps"][0]["body"], "other") | {"status": {"observedGeneration": 1}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "s"}, "spec": {"replicas": 7}, "status": {"replicas": 3}}
    new = fields.apply(DEPLOYMENT, live, body, "me", force=True, subresource="", now="now")
    assert (new["spec"]["replicas"], new["status"]) == (7, {"observedGeneration": 1})
    new = fields.apply(DEPLOYMENT, live, body, "me", force=False, subresource="status", now="now")
    assert (new["spec"]["replicas"], new["status"]) == (live["spec"]["replicas"], {"observedGeneration": 1, "replicas": 3})
    assert entries(new)["me"]["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_an_apply_that_states_no_metadata_any_more_takes_out_its_labels_and_not_the_name() -> None:
    bare_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    labelled = {**bare_map, "metadata": {"name": "a", "labels": {"x": "y"}}}
    live = fields.apply(CONFIGMAP, None, labelled, "me", force=False, subresource="", now="now")
    after = fields.apply(CONFIGMAP, live, clone(bare_map), "me", force=False, subresource="", now="later")
    assert {k: v for k, v in after["metadata"].items() if k != "managedFields"} == {"name": "a"}


def test_neither_the_live_object_nor_the_manifest_is_changed_by_an_apply() -> None:
    live = created(DEPLOYMENT, STORIES[6]["steps"][0]["body"], "other")
    body = clone(STORIES[6]["steps"][1]["body"])
    before = json.dumps([live, body])
    fields.apply(DEPLOYMENT, live, body, "me", force=True, subresource="", now="now")
    assert json.dumps([live, body]) == before


def test_client_side_apply_is_taken_over_when_kubectl_renames_its_entry() -> None:
    """What `kubectl apply --server-side` does first: it patches `managedFields` so that the old entry becomes its own."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}}
    old = created(CONFIGMAP, body, "kubectl-client-side-apply")
    renamed = {**entries(old)["kubectl-client-side-apply"], "manager": "kubectl", "operation": "Apply"}
    moved = written(old, {"metadata": {"managedFields": [renamed]}})
    assert list(entries(moved)) == ["kubectl"]
    del body["data"]["b"]
    new = fields.apply(CONFIGMAP, moved, body, "kubectl", force=False, subresource="", now="now")
    assert new["data"] == {"a": "1"}


def test_sets_are_united_subtracted_and_intersected() -> None:
    one = {"f:a": {".": {}, "f:x": {}}, "f:b": {}}
    other = {"f:a": {"f:x": {}, "f:y": {}}, "f:c": {}}
    top = {".": {}}
    assert fieldsets.union(one, other | top) == {".": {}, "f:a": {".": {}, "f:x": {}, "f:y": {}}, "f:b": {}, "f:c": {}}
    assert fieldsets.difference(one, other) == {"f:a": {}, "f:b": {}}
    assert fieldsets.overlap(one, other) == {"f:a": {"f:x": {}}}
    assert fieldsets.difference(other, other) is None
    assert list(fieldsets.paths({".": {}, "f:l": {'k:{"name":"w"}': {"f:i": {}}, 'v:"x"': {}}})) == ['.l[="x"]', '.l[name="w"].i']


def test_a_status_update_costs_little() -> None:
    old = created(POD, {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "i"}]}}, "kubectl")
    conditions = [{"type": name, "status": "True"} for name in ("Ready", "Initialized", "ContainersReady", "PodScheduled")]
    old = written(old, {"status": {"phase": "Running", "conditions": conditions}}, "kubelet", "status")
    new = clone(old)
    new["status"]["conditions"][0]["status"] = "False"
    start = time.process_time()
    for _ in range(1000):
        fields.after_write(POD, old, new, "kubelet", "Update", "status", "now")
    assert time.process_time() - start < 0.15
