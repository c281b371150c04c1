"""`python tools/object_fixtures.py KUBECONFIG`: ask a real API server about every row of tests/plain/embedded/fixtures, write its answers.

A row holds what is sent; beside it stands what the server said: `says` and `causes` of a refusal, else the object without what admission,
allocation and controllers add. A new case is a row with its question alone. Works in a namespace of its own and deletes it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shallowdive.embedded.kinds import kind_of  # noqa: E402
from tests.contract.api import APPLY, JSON_PATCH, MERGE, STRATEGIC, Answer, Api  # noqa: E402

FIXTURES = ROOT / "tests" / "plain" / "embedded" / "fixtures"
NAMESPACE = "object-fixtures"
DRAWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "namespace")
TYPES = {"json": JSON_PATCH, "merge": MERGE, "strategic": STRATEGIC}
ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
Row = dict[str, Any]


def path(resource: str, name: str = "") -> str:
    kind = kind_of(resource)
    start = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    return start + (f"/namespaces/{NAMESPACE}" if kind.namespaced else "") + f"/{kind.plural}" + (f"/{name}" if name else "")


def refusal(answer: Answer) -> Row:
    causes = answer.body.get("details", {}).get("causes", ())
    return {
        "code": answer.code,
        "says": answer.body["message"],
        "causes": [[c.get("field", ""), c["reason"], c["message"]] for c in causes],
    }


def bare(resource: str, value: Row, *, managers: bool = True) -> Row:
    """An object without what the cluster drew or added."""
    meta = {name: below for name, below in value["metadata"].items() if name not in DRAWN}
    entries = [
        {k: v for k, v in e.items() if k != "time"} for e in meta.pop("managedFields", ()) if e["manager"] != "kube-controller-manager"
    ]
    if entries and managers:
        meta["managedFields"] = entries
    value = {**value, "metadata": meta}
    if "status" in kind_of(resource).subresources:
        value.pop("status", None)
    (WITHOUT.get(resource) or (lambda _: None))(value)
    return value


def _pod(value: Row) -> None:
    spec = value["spec"]
    for name in ("priority", "preemptionPolicy"):
        spec.pop(name, None)
    if spec.get("serviceAccountName") == "default":
        spec.pop("serviceAccountName"), spec.pop("serviceAccount")
    for owner, name in [(spec, "volumes"), *((c, "volumeMounts") for c in spec.get("initContainers", []) + spec["containers"])]:
        owner[name] = [row for row in owner.get(name, ()) if not row["name"].startswith("kube-api-access-")]
        if not owner[name]:
            del owner[name]
    spec["tolerations"] = [row for row in spec.get("tolerations", ()) if not row.get("key", "").startswith("node.kubernetes.io/")]
    if not spec["tolerations"]:
        del spec["tolerations"]


def _service(value: Row) -> None:
    for name in ADDRESSES:
        if value["spec"].get(name) != "None":
            value["spec"].pop(name, None)
    for port in value["spec"].get("ports", ()):
        port.pop("nodePort", None)


def _job(value: Row) -> None:
    value["spec"].pop("selector", None)
    for owner in (value, value["spec"]["template"]):
        labels = owner["metadata"].get("labels", {})
        for name in [name for name in labels if name.endswith(("controller-uid", "job-name"))]:
            del labels[name]
        if not labels:
            owner["metadata"].pop("labels", None)


WITHOUT: dict[str, Callable[[Row], Any]] = {
    "pods": _pod,
    "services": _service,
    "jobs.batch": _job,
    "persistentvolumeclaims": lambda value: value["metadata"].pop("finalizers", None),
    "persistentvolumes": lambda value: value["metadata"].pop("finalizers", None),
    "namespaces": lambda value: value["spec"].pop("finalizers", None),
    "ingresses.networking.k8s.io": lambda value: value["spec"].pop("ingressClassName", None),
    "deployments.apps": lambda value: value["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None),
}


def clear(api: Api, resource: str, name: str) -> None:
    api.patch(path(resource, name), {"metadata": {"finalizers": None}}, MERGE)
    api.delete(path(resource, name), gracePeriodSeconds=0)
    while api.get(path(resource, name)).code == 200:
        time.sleep(0.1)


def refused(api: Api, row: Row) -> None:
    answer = api.post(path(row["resource"]), row["body"], dryRun="All")
    row |= refusal(answer) if answer.code >= 300 else {"code": answer.code}


def stored(api: Api, row: Row) -> None:
    resource, name = row["resource"], row["body"]["metadata"].get("name", "")
    if name:
        clear(api, resource, name)
    answer = api.post(path(resource), row["body"])
    row["stored"] = bare(resource, answer.body)
    clear(api, resource, answer.body["metadata"]["name"])


def edited(api: Api, row: Row) -> None:
    """Patches that are tried, but not kept: `row` holds the object, `edits` what is tried."""
    resource, name = row["resource"], row["create"]["metadata"]["name"]
    clear(api, resource, name)
    answer = api.post(path(resource), row["create"])
    assert answer.code == 201, answer.body
    time.sleep(1)
    row["before"] = api.get(path(resource, name)).body
    row["before"]["metadata"].pop("managedFields", None)
    for edit in row["edits"]:
        answer = api.patch(path(resource, name), json.dumps(edit["patch"]), TYPES[edit["type"]], dryRun="All")
        for word in ("code", "says", "causes", "after"):
            edit.pop(word, None)
        edit |= refusal(answer) if answer.code >= 300 else {"code": 200, "after": answer.body}
        edit.get("after", {"metadata": {}})["metadata"].pop("managedFields", None)
    clear(api, resource, name)


def applied(api: Api, row: Row) -> None:
    """A story: each step is kept."""
    resource = row["resource"]
    clear(api, resource, "s")
    for step in row["steps"]:
        at, manager = path(resource, "s"), step["manager"]
        if step["op"] == "apply":
            answer = api.patch(at, step["body"], APPLY, fieldManager=manager, force=step.get("force", False))
        elif step["op"] == "create":
            answer = api.post(path(resource), step["body"], fieldManager=manager)
        else:
            answer = api.patch(at + ("/scale" if step["op"] == "scale" else ""), step["body"], MERGE, fieldManager=manager)
        for word in ("code", "says", "causes", "after"):
            step.pop(word, None)
        now = api.get(at).body
        step |= refusal(answer) if answer.code >= 300 else {}
        step["after"] = bare(resource, now) if now["kind"] != "Status" else None


FILES = {"decode": refused, "refused": refused, "stored": stored, "edits": edited, "patches": edited, "apply": applied}


def rows(name: str) -> Iterator[Row]:
    yield from json.loads((FIXTURES / f"{name}.json").read_text())


def main(kubeconfig: str) -> None:
    api = Api(Path(kubeconfig))
    api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for name, ask in FILES.items():
        found = list(rows(name))
        for row in found:
            ask(api, row)
        lines = ",\n".join(json.dumps(row, separators=(",", ":")).replace(NAMESPACE, "here") for row in found)
        (FIXTURES / f"{name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{name}: {len(found)} rows")
    api.delete(f"/api/v1/namespaces/{NAMESPACE}")


if __name__ == "__main__":
    main(sys.argv[1])
