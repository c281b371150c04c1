"""What `kubectl get` prints: the cells of a row."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.api.ages import duration
from shallowdive.embedded.api.columns import columns_of
from shallowdive.embedded.clock import parse
from shallowdive.embedded.kinds import kind_of
from tests.plain.embedded.asking import MAPS, TABLE, Asking

BORN = "2026-01-01T00:00:00Z"
NOW = parse(BORN) + 90


def cells(resource: str, value: dict[str, Any], *, wide: bool = False) -> dict[str, Any]:
    value = {"kind": kind_of(resource).kind, "metadata": {"name": "x", "namespace": "n", "creationTimestamp": BORN}} | value
    return {c.name: c.cell(value, NOW) for c in columns_of(kind_of(resource)) if wide or not c.priority}


@pytest.mark.parametrize(
    "seconds, words",
    [(-2, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (130, "2m10s"), (600, "10m"), (10799, "179m"), (10800, "3h"), (11000,
      "3h3m"), (28800, "8h"),
     (172799, "47h"), (172800, "2d"), (180000, "2d2h"), (8 * 86400, "8d"), (2 * 365 * 86400, "2y"), (1000 * 86400, "2y270d"),
     (9 * 365 * 86400, "9y")],
)  # fmt: skip
def test_an_age_is_short_and_less_exact_the_longer_it_is(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def pod(*states: dict[str, Any], phase: str = "Running", inits: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    def rows(kind: str, given: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        return [{"name": f"{kind}{n}", "restartCount": 0, **state} for n, state in enumerate(given)]

    spec = {
        "containers": [{"name": f"c{n}"} for n in range(len(states) or 1)],
        "initContainers": [{"name": f"i{n}"} for n in range(len(inits))],
    }
    status = {"phase": phase, "containerStatuses": rows("c", states), "initContainerStatuses": rows("i", inits)}
    return {"spec": spec, "status": status} | more


RUNS = {"state": {"running": {}}, "ready": True}
DONE = {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}
CRASH = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "restartCount": 3,
    "lastState": {"terminated": {"finishedAt": "2026-01-01T00:01:00Z"}},
}


@pytest.mark.parametrize(
    "value, ready, status, restarts",
    [(pod(RUNS), "1/1", "Running", "0"), (pod(RUNS, CRASH), "1/2", "CrashLoopBackOff", "3 (30s ago)"), (pod(phase="Pending"), "0/1",
      "Pending", "0"),
     (pod(DONE, phase="Succeeded"), "0/1", "Completed", "0"), (pod({"state": {"terminated": {"exitCode": 3}}}), "0/1", "ExitCode:3", "0"),
     (pod({"state": {"waiting": {"reason": "PodInitializing"}}}, inits=({"state": {"running": {}}}, {}), phase="Pending"), "0/1",
       "Init:0/2", "0"),
     (pod({}, inits=(DONE, {"state": {"waiting": {"reason": "ErrImagePull"}}})), "0/1", "Init:ErrImagePull", "0"),
     (pod({}, inits=({"state": {"terminated": {"reason": "Error", "exitCode": 1}}},)), "0/1", "Init:Error", "0"),
     (pod(RUNS, metadata={"name": "x", "creationTimestamp": BORN, "deletionTimestamp": BORN}), "1/1", "Terminating", "0"),
     (pod(phase="Failed", status={"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted", "0"),
     (pod(status={"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}), "0/1",
      "SchedulingGated", "0")],
)  # fmt: skip
def test_a_pod_is_summed_up_in_one_word(value: dict[str, Any], ready: str, status: str, restarts: str) -> None:
    row = cells("pods", value)
    assert (row["Ready"], row["Status"], row["Restarts"], row["Age"]) == (ready, status, restarts, "90s")


@pytest.mark.parametrize(
    "resource, value, wanted",
    [("deployments.apps", {"spec": {"replicas": 3}, "status": {"readyReplicas": 1, "updatedReplicas": 2}}, {"Ready": "1/3",
      "Up-to-date": 2, "Available": 0}),
     ("services", {"spec": {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}},
      {"Type": "NodePort", "Cluster-IP": "10.96.0.9", "External-IP": "<none>", "Port(s)": "80:30080/TCP"}),
     ("services", {"spec": {"type": "LoadBalancer", "ports": []}}, {"External-IP": "<pending>", "Port(s)": "<none>"}),
     ("nodes", {"metadata": {"name": "x", "labels": {"node-role.kubernetes.io/control-plane": ""}}, "spec": {"unschedulable": True},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, {"Status": "Ready,SchedulingDisabled",
                "Roles": "control-plane"}),
     ("jobs.batch", {"spec": {"completions": 3}, "status": {"succeeded": 1, "startTime": BORN}},
      {"Status": "Running", "Completions": "1/3", "Duration": "90s"}),
     ("cronjobs.batch", {"spec": {"schedule": "* * * * *", "suspend": False}}, {"Suspend": "false", "Active": 0,
       "Last Schedule": "<none>"}),
     ("ingresses.networking.k8s.io", {"spec": {"rules": [{"host": h} for h in "abcd"], "tls": [{}]}}, {"Hosts": "a,b,c + 1 more...",
       "Ports": "80, 443"}),
     ("persistentvolumeclaims", {"spec": {"storageClassName": "s"}, "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"]}},
      {"Status": "Bound", "Access Modes": "RWO", "StorageClass": "s"}),
     ("storageclasses.storage.k8s.io", {"metadata": {"name": "x", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
      {"Name": "x (default)"}),
     ("events", {"involvedObject": {"kind": "Pod", "name": "p"}, "lastTimestamp": BORN, "message": " m\n"},
      {"Last Seen": "90s", "Object": "pod/p", "Message": "m"}),
     ("resourcequotas", {"status": {"hard": {"pods": "2", "limits.cpu": "1"}, "used": {"pods": "1"}}}, {"Request": "pods: 1/2",
       "Limit": "limits.cpu: 0/1"})],
)  # fmt: skip
def test_a_row_says_what_kubectl_prints(resource: str, value: dict[str, Any], wanted: dict[str, Any]) -> None:
    row = cells(resource, value)
    assert {name: row[name] for name in wanted} == wanted


def test_selectors_are_for_wide_rows_only() -> None:
    value = {"spec": {"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["y", "x"]}]}}}
    assert "Selector" not in cells("replicasets.apps", value)
    assert cells("replicasets.apps", value, wide=True)["Selector"] == "a=b,c in (x,y)"


def test_the_rows_of_a_table_carry_what_was_asked_for() -> None:
    api = Asking()
    api.maps("a")

    def row(include: str) -> Any:
        return api.get(MAPS, headers={"accept": TABLE}, includeObject=include).body["rows"][0]["object"]

    assert (row("None"), row("Metadata")["kind"], row("")["kind"], row("Object")["data"]) == (
        None,
        *["PartialObjectMetadata"] * 2,
        {"a": "b"},
    )
    assert api.get(MAPS, headers={"accept": TABLE}, includeObject="Foo").code == 400
