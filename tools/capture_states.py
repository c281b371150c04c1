"""`python tools/capture_states.py [--cluster NAME] [--keep] [SLUG …]`: make the faults of tests/plain/explain/manifests on a kind
cluster of its own, wait until each shows, and write what the API server then said to tests/plain/explain/states.

One namespace a scenario, four at a time; those that change the cluster (`alone`) run one by one at the end. The cluster is made and
deleted here; with --keep it stays, and the next run uses it. Its nodes reach tests/registry under the name registry.test.

A scenario: `objects` are applied, `first` must then show, the lines of `then` run (kubectl or docker), `until` must show: texts that
have to be in the JSON of the record. `send` instead asks for the API server's refusal of the last object."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shallowdive import process  # noqa: E402
from shallowdive.cluster.apply import PATHS, call  # noqa: E402
from shallowdive.cluster.kind import KindBackend  # noqa: E402
from shallowdive.cluster.kindconfig import render  # noqa: E402
from shallowdive.facts import look_at_engine  # noqa: E402
from shallowdive.live import ClusterState, look, poll  # noqa: E402
from tests.registry.server import Registry  # noqa: E402

HERE = ROOT / "tests" / "plain" / "explain"
MANIFESTS, STATES = HERE / "manifests", HERE / "states"
MIRROR = "registry.test"
IMAGES = {"AGNHOST": "registry.k8s.io/e2e-test-images/agnhost:2.66.1", "BUSYBOX": "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"}
LOADED = ("docker.io/library/app:latest", "docker.io/library/shop:v2")
"""Names under which the nodes know busybox: images that are there and in no registry."""
CERTS = '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n'
SETTLE_S = 2
NOISE = {"managedFields", "selfLink"}


class Cluster:
    """A kind cluster of ours, its nodes pointed at the registry."""

    def __init__(self, name: str, kind: str, registry: Registry, address: str) -> None:
        self.name, self.kind, self.registry, self.address = name, kind, registry, address
        self.kubeconfig = Path(tempfile.gettempdir()) / f"{name}.kubeconfig"
        self.kubectl = shutil.which("kubectl") or str(Path(sys.executable).with_name("kubectl"))
        self.words: dict[str, str] = {}

    def up(self) -> None:
        clusters = process.must([self.kind, "get", "clusters"], limit_s=60).split()
        if self.name not in clusters:
            engine = look_at_engine()
            body = yaml.safe_load(render(cgroup_version=engine.cgroup_version, http_port=18080, https_port=18443, workers=1))
            body["containerdConfigPatches"] = [CERTS]
            body["nodes"][0].pop("extraPortMappings")
            image = KindBackend(None, engine)._local_image()  # type: ignore[arg-type] # its home is not asked for an image
            args: list[str | Path] = [self.kind, "create", "cluster", "--name", self.name, "--kubeconfig", self.kubeconfig, "--config", "-"]
            ended = process.run([*args, *(["--image", image] if image else [])], limit_s=600, stdin=yaml.safe_dump(body))
            if ended.status:
                raise process.failed([str(a) for a in args], ended)
        else:
            process.must([self.kind, "export", "kubeconfig", "--name", self.name, "--kubeconfig", self.kubeconfig], limit_s=60)
        nodes = process.must([self.kind, "get", "nodes", "--name", self.name], limit_s=60).split()
        self.words = {
            "WORKER": f"{self.name}-worker",
            "MANIFESTS": str(MANIFESTS),
            "REGISTRY": f"{self.address}:{self.registry.port}",
            **IMAGES,
        }
        url = f"http://{self.words['REGISTRY']}"
        hosts = f'server = "{url}"\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'
        for node in nodes:
            folder = f"/etc/containerd/certs.d/{MIRROR}"
            script = f"mkdir -p {folder} && cat > {folder}/hosts.toml"
            process.run(["docker", "exec", "-i", node, "sh", "-c", script], limit_s=30, stdin=hosts)
            for image in LOADED:
                process.must(
                    ["docker", "exec", node, "ctr", "-n", "k8s.io", "images", "tag", "--force", IMAGES["BUSYBOX"], image], limit_s=30
                )
        self.run(f"kubectl apply -f {MANIFESTS}/cluster.yaml")
        poll("the nodes to report the loaded images", lambda: self._reported(nodes) or None, within_s=400, every_s=5)

    def _reported(self, nodes: list[str]) -> bool:
        return all(LOADED[0] in process.must([*self._kubectl(), "get", "node", n, "-o", "json"], limit_s=30) for n in nodes)

    def forget_registry(self) -> None:
        for node in process.must([self.kind, "get", "nodes", "--name", self.name], limit_s=60).split():
            process.must(["docker", "exec", node, "rm", "-rf", f"/etc/containerd/certs.d/{MIRROR}"], limit_s=30)

    def down(self) -> None:
        process.must([self.kind, "delete", "cluster", "--name", self.name, "--kubeconfig", self.kubeconfig], limit_s=120)
        self.kubeconfig.unlink(missing_ok=True)

    def _kubectl(self) -> list[str]:
        return [self.kubectl, "--kubeconfig", str(self.kubeconfig)]

    def run(self, line: str, namespace: str = "default", stdin: str = "") -> None:
        words = shlex.split(self.fill(line, namespace))
        args = [*self._kubectl(), "-n", namespace, *words[1:]] if words[0] == "kubectl" else words
        ended = process.run(args, limit_s=90, stdin=stdin)
        if ended.status:
            raise process.failed(args, ended)

    def fill(self, text: str, namespace: str) -> str:
        for word, value in {**self.words, "NAMESPACE": namespace}.items():
            text = text.replace(word, value)
        return text

    def connect(self) -> client.ApiClient:
        made: client.ApiClient = config.new_client_from_config(str(self.kubeconfig), persist_config=False)
        return made


def capture(cluster: Cluster, scenario: dict[str, Any]) -> str:
    """Stage one scenario, write its file, clean up; '' or what went wrong."""
    namespace = scenario["name"].lower()
    api, began = cluster.connect(), time.monotonic()
    try:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": scenario.get("labels") or {}}}
        cluster.run("kubectl apply -f -", namespace, json.dumps(space))
        for line in scenario.get("before") or []:
            cluster.run(line, namespace)
        poll("the default service account", lambda: _has(look(api, namespace, ["ServiceAccount"]), namespace, ['"default"']), within_s=30)
        body = _refusal(cluster, api, namespace, scenario) if "send" in scenario else _state(cluster, api, namespace, scenario)
        (STATES / f"{scenario['name']}.json").write_text(_text(body), encoding="utf-8")
        return ""
    except Exception as exc:  # noqa: BLE001 - one scenario that fails is reported, the others go on
        return f"{scenario['name']}: {exc}"
    finally:
        sys.stderr.write(f"{scenario['name']} {time.monotonic() - began:.0f} s\n")
        for line in [*(scenario.get("undo") or []), f"kubectl delete namespace {namespace} --wait=false --ignore-not-found"]:
            try:
                cluster.run(line, namespace)
            except Exception as exc:  # noqa: BLE001 - said aloud; the cluster is thrown away at the end
                sys.stderr.write(f"  undo: {exc}\n")


def _state(cluster: Cluster, api: client.ApiClient, namespace: str, scenario: dict[str, Any]) -> dict[str, Any]:
    limit_s = float(scenario.get("limit_s", 90))
    objects = {"apiVersion": "v1", "kind": "List", "items": scenario["objects"]}
    cluster.run("kubectl apply -f -", namespace, cluster.fill(json.dumps(objects), namespace))
    if scenario.get("first"):
        poll("first", lambda: _has(look(api, namespace), namespace, scenario["first"]), within_s=limit_s, every_s=1)
    for line in scenario.get("then") or []:
        cluster.run(line, namespace)
    poll(f"until {scenario['until']}", lambda: _has(look(api, namespace), namespace, scenario["until"]), within_s=limit_s, every_s=1)
    time.sleep(scenario.get("after_s", SETTLE_S))  # lists come one after the other: an event may be of a later moment than its pod
    seen = look(api, namespace)
    kind, _, name = cluster.fill(scenario["explain"], namespace).partition("/")
    objects = {k: [_small(o) for o in seen.all(k) if _ours(o, namespace)] for k in seen.by_kind}
    about = {"kind": kind, "namespace": "" if kind == "Namespace" else namespace, "name": name}
    return {**_head(scenario, api), "explain": about, "taken_at": int(time.time()), "objects": objects}


def _refusal(cluster: Cluster, api: client.ApiClient, namespace: str, scenario: dict[str, Any]) -> dict[str, Any]:
    *before, last = json.loads(cluster.fill(json.dumps(scenario["objects"]), namespace))
    for obj in before:
        cluster.run("kubectl apply -f -", namespace, json.dumps(obj))
    for line in scenario.get("then") or []:
        cluster.run(line, namespace)
    time.sleep(scenario.get("after_s", 0))
    version = last["apiVersion"]
    path = f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{namespace}/{PATHS[last['kind']][1]}"
    query = {"fieldManager": "shallowdive"} | ({"fieldValidation": "Strict"} if scenario["send"] == "strict" else {})
    try:
        if scenario["send"] == "apply":
            name = last["metadata"]["name"]
            call(api, "PATCH", f"{path}/{name}", last, content_type="application/apply-patch+yaml", query={**query, "force": "true"})
        else:
            call(api, "POST", path, last, query=query)
    except ApiException as exc:
        return {**_head(scenario, api), "sent": last, "status": exc.status, "body": exc.body}
    raise RuntimeError("the API server took it")


def _head(scenario: dict[str, Any], api: client.ApiClient) -> dict[str, Any]:
    version = client.VersionApi(api).get_code().git_version
    return {
        "name": scenario["name"],
        "expect": scenario["expect"],
        **({"verdict": scenario["verdict"]} if "verdict" in scenario else {}),
        "kubernetes": version,
    }


def _has(state: ClusterState, namespace: str, texts: list[str]) -> ClusterState | None:
    found = {k: [o for o in state.all(k) if _ours(o, namespace)] for k in state.by_kind if k not in ("Node", "APIService")}
    text = json.dumps(found, separators=(",", ":"))
    return state if all(t in text for t in texts) else None


def _ours(obj: dict[str, Any], namespace: str) -> bool:
    """What a person who asks about this namespace would see, without what every cluster has."""
    kind, name = obj["kind"], obj["metadata"]["name"]
    if kind == "Namespace":
        return bool(name == namespace)
    if kind == "APIService":
        return bool((obj.get("spec") or {}).get("service"))
    return bool(name != "kube-root-ca.crt")


EVENT = ("kind", "involvedObject", "reason", "message", "type", "count", "series", "firstTimestamp", "lastTimestamp", "eventTime")


def _small(obj: dict[str, Any]) -> dict[str, Any]:
    """Without what no reader of the states needs."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in NOISE}
    if obj["kind"] == "Event":
        kept = {k: obj[k] for k in EVENT if obj.get(k)}
        about = {k: v for k, v in obj["involvedObject"].items() if k not in ("resourceVersion", "apiVersion")}
        return {**kept, "involvedObject": about, "metadata": {k: metadata[k] for k in ("name", "namespace", "creationTimestamp")}}
    if obj["kind"] == "Node":
        conditions = [{k: c[k] for k in ("type", "status", "reason") if k in c} for c in obj["status"]["conditions"]]
        images = [{"names": [n]} for i in obj["status"].get("images") or [] for n in i["names"] if n in LOADED]
        status = {"allocatable": obj["status"]["allocatable"], "conditions": conditions, "images": images}
        metadata = {k: metadata[k] for k in ("name", "uid", "labels", "creationTimestamp")}
        return {"kind": "Node", "metadata": metadata, "spec": obj["spec"], "status": status}
    notes = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if "last-applied" not in k}
    return {**obj, "metadata": metadata | ({"annotations": notes} if notes else {})}


def _text(body: dict[str, Any]) -> str:
    """JSON, one object a line."""
    objects = body.pop("objects", None)
    head = json.dumps(body, ensure_ascii=False)
    if objects is None:
        return head + "\n"
    kinds = []
    for kind, found in objects.items():
        lines = ",\n".join(json.dumps(o, ensure_ascii=False, separators=(",", ":")) for o in found)
        kinds.append(f"{json.dumps(kind)}: [{chr(10) + lines if found else ''}]")
    return head[:-1] + ', "objects": {\n' + ",\n".join(kinds) + "\n}}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slugs", nargs="*", help="beginnings of names; default all")
    parser.add_argument("--cluster", default="explain-try")
    parser.add_argument("--kind", default=shutil.which("kind") or str(Path.home() / "go" / "bin" / "kind"))
    parser.add_argument("--address", default="", help="where the nodes reach this machine; default: the gateway of kind's network")
    parser.add_argument("--keep", action="store_true", help="do not delete the cluster at the end")
    args = parser.parse_args()
    if not args.cluster.startswith("explain-"):
        parser.error("the cluster is changed and deleted: its name has to begin with explain-")
    scenarios = [s for f in sorted(MANIFESTS.glob("G*.yaml")) for s in yaml.safe_load_all(f.read_text(encoding="utf-8"))]
    wanted = [s for s in scenarios if not args.slugs or s["name"].startswith(tuple(args.slugs))]
    STATES.mkdir(exist_ok=True)
    address = args.address or _gateway()
    with Registry(address) as registry:
        cluster = Cluster(args.cluster, args.kind, registry, address)
        try:
            cluster.up()
            with ThreadPoolExecutor(4) as pool:
                wrong = list(pool.map(lambda s: capture(cluster, s), [s for s in wanted if not s.get("alone")]))
            wrong += [capture(cluster, s) for s in wanted if s.get("alone")]
        finally:
            cluster.forget_registry() if args.keep else cluster.down()
    failed = [w for w in wrong if w]
    sys.stderr.write("\n".join([*failed, f"{len(wanted) - len(failed)} of {len(wanted)} captured"]) + "\n")
    return 1 if failed else 0


def _gateway() -> str:
    networks = json.loads(process.must(["docker", "network", "inspect", "kind"], limit_s=20))
    gateways = [str(c["Gateway"]) for c in networks[0]["IPAM"]["Config"] if "Gateway" in c]
    return next(g for g in gateways if ":" not in g)


if __name__ == "__main__":
    sys.exit(main())
