"""Tables: what kubectl prints is decided by the server. And objects reduced to their metadata."""

from __future__ import annotations

import pytest

from tests.contract.api import Api, Json, eventually
from tests.contract.conftest import config_map
from tests.contract.staged import Stage

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
PARTIALS = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}

COLUMNS = {
    "/api/v1/pods": "Name Ready Status Restarts Age|IP Node Nominated Node Readiness Gates",
    "/api/v1/services": "Name Type Cluster-IP External-IP Port(s) Age|Selector",
    "/api/v1/nodes": "Name Status Roles Age Version|Internal-IP External-IP OS-Image Kernel-Version Container-Runtime",
    "/api/v1/namespaces": "Name Status Age|",
    "/api/v1/events": "Last Seen Type Reason Object Message|Subobject Source First Seen Count Name",
    "/api/v1/configmaps": "Name Data Age|",
    "/api/v1/secrets": "Name Type Data Age|",
    "/api/v1/serviceaccounts": "Name Age|",
    "/api/v1/endpoints": "Name Endpoints Age|",
    "/api/v1/persistentvolumeclaims": "Name Status Volume Capacity Access Modes StorageClass VolumeAttributesClass Age|VolumeMode",
    "/api/v1/persistentvolumes": "Name Capacity Access Modes Reclaim Policy Status Claim "
    "StorageClass VolumeAttributesClass Reason Age|VolumeMode",
    "/apis/apps/v1/deployments": "Name Ready Up-to-date Available Age|Containers Images Selector",
    "/apis/apps/v1/replicasets": "Name Desired Current Ready Age|Containers Images Selector",
    "/apis/apps/v1/statefulsets": "Name Ready Age|Containers Images",
    "/apis/apps/v1/daemonsets": "Name Desired Current Ready Up-to-date Available Node Selector Age|Containers Images Selector",
    "/apis/batch/v1/jobs": "Name Status Completions Duration Age|Containers Images Selector",
    "/apis/batch/v1/cronjobs": "Name Schedule Timezone Suspend Active Last Schedule Age|Containers Images Selector",
    "/apis/networking.k8s.io/v1/ingresses": "Name Class Hosts Address Ports Age|",
    "/apis/policy/v1/poddisruptionbudgets": "Name Min Available Max Unavailable Allowed Disruptions Age|",
    "/apis/storage.k8s.io/v1/storageclasses": "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age|",
    "/apis/discovery.k8s.io/v1/endpointslices": "Name AddressType Ports Endpoints Age|",
    "/apis/rbac.authorization.k8s.io/v1/roles": "Name Created At|",
}


def rows(table: Json) -> dict[str, list[object]]:
    return {r["cells"][0]: r["cells"] for r in table["rows"]}


@pytest.mark.parametrize("path", COLUMNS)
def test_a_table_has_the_columns_of_its_kind(api: Api, stage: Stage, path: str) -> None:
    table = api.seen(path, headers=TABLE, limit=1)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = table["columnDefinitions"]
    narrow = " ".join(c["name"] for c in columns if c["priority"] == 0)
    wide = " ".join(c["name"] for c in columns if c["priority"] == 1)
    assert f"{narrow}|{wide}" == COLUMNS[path]
    assert all({"name", "type", "format", "description", "priority"} == c.keys() for c in columns)
    assert all(len(r["cells"]) == len(columns) for r in table["rows"])


def test_a_row_carries_the_metadata_of_its_object(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="b", c="d"))
    answer = api.get(f"{maps}/one", headers=TABLE)
    assert answer.headers["Content-Type"] == "application/json"
    (row,) = answer.body["rows"]
    assert row["cells"][:2] == ["one", 2]
    assert (row["object"]["kind"], row["object"]["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert row["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert "data" not in row["object"]
    assert answer.body["metadata"] == {"resourceVersion": made["metadata"]["resourceVersion"]}


def test_a_row_carries_the_object_or_nothing_when_asked(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="b"))
    (row,) = api.seen(f"{maps}/one", headers=TABLE, includeObject="Object")["rows"]
    assert (row["object"]["kind"], row["object"]["data"]) == ("ConfigMap", {"a": "b"})
    (row,) = api.seen(f"{maps}/one", headers=TABLE, includeObject="None")["rows"]
    assert "object" not in row or row["object"] is None
    answer = api.get(f"{maps}/one", headers=TABLE, includeObject="Some")
    assert answer.code == 400


def test_a_table_obeys_selectors_and_pages(api: Api, maps: str) -> None:
    for name in "abc":
        api.made(maps, {"metadata": {"name": name, "labels": {"k": name}}})
    eventually(lambda: api.get(f"{maps}/kube-root-ca.crt").code == 200, what="the root certificate, which a controller writes")
    assert list(rows(api.seen(maps, headers=TABLE, labelSelector="k in (a,b)"))) == ["a", "b"]
    page = api.seen(maps, headers=TABLE, limit=2)
    assert list(rows(page)) == ["a", "b"]
    assert page["metadata"]["remainingItemCount"] == 2, "c, and the root certificate"


def test_a_table_of_pods_shows_what_kubectl_prints(stage: Stage) -> None:
    stage.running("web")
    stage.ended("fails")
    stage.when(
        "no-image", lambda p: p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    )
    found = rows(stage.api.seen(f"{stage.core}/pods", headers=TABLE))
    assert found["web"][:4] == ["web", "1/1", "Running", "0"]
    assert found["web"][5:] == [stage.pod("web")["status"]["podIP"], stage.pod("web")["spec"]["nodeName"], "<none>", "<none>"]
    assert found["fails"][:3] == ["fails", "0/1", "Error"]
    assert found["too-big"][:3] == ["too-big", "0/1", "Pending"]
    assert found["no-image"][2] in ("ErrImagePull", "ImagePullBackOff")
    assert found["gated"][2] == "SchedulingGated"


def test_a_table_of_services(stage: Stage) -> None:
    found = rows(stage.api.seen(f"{stage.core}/services", headers=TABLE))
    assert found["web"][1:5:2] == ["ClusterIP", "<none>"]
    assert found["web"][4] == "80/TCP"
    assert found["web"][6] == "app=web"
    assert found["headless"][2] == "None"
    assert found["blind"][6] == "<none>"


def test_a_table_of_nodes(api: Api) -> None:
    found = rows(api.seen("/api/v1/nodes", headers=TABLE))
    assert len(found) == 3
    assert sorted(str(row[2]) for row in found.values()) == ["<none>", "<none>", "control-plane"]
    assert all(row[1] == "Ready" and str(row[4]).startswith("v1.37.") for row in found.values())


def test_a_watch_of_tables_sends_the_columns_once(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="b"))
    with api.watch(maps, headers=TABLE, fieldSelector="metadata.name=one") as seen:
        api.patch(f"{maps}/one", {"data": {"c": "d"}})
        first, second = seen.take(2)
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert [c["name"] for c in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert first["object"]["rows"][0]["cells"][0] == "one"
    assert second["type"] == "MODIFIED"
    assert not second["object"]["columnDefinitions"]
    assert second["object"]["rows"][0]["cells"][:2] == ["one", 2]


def test_an_error_is_a_status_even_for_a_table(api: Api, maps: str) -> None:
    answer = api.get(f"{maps}/ghost", headers=TABLE)
    assert (answer.code, answer.body["kind"]) == (404, "Status")


def test_partial_metadata_of_one_and_of_many(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="b"))
    assert api.seen(f"{maps}/one", headers=PARTIAL) == {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"],
    }  # fmt: skip
    many = api.seen(maps, headers=PARTIALS)
    assert (many["kind"], many["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert "one" in {i["metadata"]["name"] for i in many["items"]}
    assert not any("data" in i for i in many["items"])


def test_partial_metadata_is_watched(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="b"))
    with api.watch(maps, headers=PARTIAL, fieldSelector="metadata.name=one") as seen:
        (event,) = seen.take(1)
    assert event["object"].keys() == {"kind", "apiVersion", "metadata"}
    assert event["object"]["kind"] == "PartialObjectMetadata"
