"""The doors beside an object: status, scale, binding, eviction, log, exec, proxy."""

from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
import websocket
from kubernetes import client
from kubernetes.stream import stream

from shallowdive.live import poll
from tests.contract.api import STRATEGIC, Api, Json, eventually
from tests.contract.conftest import Target
from tests.contract.staged import Stage, container, pod, state
from tests.contract.test_crud import deployment


@pytest.fixture
def deploy(api: Api, own: str) -> str:
    path = f"/apis/apps/v1/namespaces/{own}/deployments"
    api.made(path, deployment(paused=True))
    return f"{path}/web"


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_status_has_a_door_of_its_own(api: Api, deploy: str) -> None:
    body = api.seen(deploy)
    del body["metadata"]["resourceVersion"]  # its controller writes too
    answer = api.put(f"{deploy}/status", body | {"spec": body["spec"] | {"replicas": 5}, "status": {"replicas": 7}})
    assert answer.code == 200
    assert (answer.body["spec"]["replicas"], answer.body["status"]["replicas"]) == (0, 7)
    assert api.get(f"{deploy}/status").body["kind"] == "Deployment"


def test_conditions_of_a_pod_merge_by_their_type(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/pods"
    eventually(lambda: api.get(f"/api/v1/namespaces/{own}/serviceaccounts/default").code == 200)
    api.made(path, pod(container(), nodeSelector={"never": "there"}) | {"metadata": {"name": "p"}})
    for kind in ("example.org/a", "example.org/b"):
        api.patch(f"{path}/p/status", {"status": {"conditions": [{"type": kind, "status": "True"}]}}, STRATEGIC)
    assert {"example.org/a", "example.org/b"} <= {c["type"] for c in api.seen(f"{path}/p")["status"]["conditions"]}


# ── scale ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_scale_is_a_small_object_of_another_group(api: Api, deploy: str, own: str) -> None:
    eventually(lambda: api.seen(deploy)["status"].get("observedGeneration"))
    body = api.seen(f"{deploy}/scale")
    meta = api.seen(deploy)["metadata"]
    assert body == {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {}, "status": {"replicas": 0, "selector": "app=web"},
        "metadata": {k: meta[k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")},
    }  # fmt: skip
    body["spec"]["replicas"] = 2
    del body["metadata"]["resourceVersion"]
    assert api.put(f"{deploy}/scale", body).body["spec"] == {"replicas": 2}
    assert api.seen(deploy)["spec"]["replicas"] == 2
    assert api.patch(f"{deploy}/scale", {"spec": {"replicas": 1}}).body["spec"] == {"replicas": 1}
    assert api.seen(deploy)["metadata"]["generation"] == 3


def test_a_scale_below_nothing_is_422(api: Api, deploy: str) -> None:
    answer = api.patch(f"{deploy}/scale", {"spec": {"replicas": -1}})
    assert answer.code == 422
    assert (
        answer.body["message"] == 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def test_a_stale_scale_is_a_conflict(api: Api, deploy: str) -> None:
    old = api.seen(f"{deploy}/scale")
    api.patch(f"{deploy}/scale", {"spec": {"replicas": 1}})
    assert api.put(f"{deploy}/scale", old).code == 409


def test_what_has_no_scale_is_404(api: Api, maps: str) -> None:
    answer = api.get(f"{maps}/kube-root-ca.crt/scale")
    assert (answer.code, answer.body["message"]) == (404, "the server could not find the requested resource")


# ── binding and eviction ─────────────────────────────────────────────────────────────────────────────────────
def test_a_binding_gives_a_pod_its_node(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/pods"
    eventually(lambda: api.get(f"/api/v1/namespaces/{own}/serviceaccounts/default").code == 200)
    api.made(path, pod(container("true"), schedulerName="by-hand") | {"metadata": {"name": "p"}})
    node = next(n["metadata"]["name"] for n in api.seen("/api/v1/nodes")["items"] if "taints" not in n["spec"])
    answer = api.post(f"{path}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}})
    assert answer.code == 201
    assert answer.body == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    seen = api.seen(f"{path}/p")
    assert seen["spec"]["nodeName"] == node
    assert next(c for c in seen["status"]["conditions"] if c["type"] == "PodScheduled")["status"] == "True"
    again = api.post(f"{path}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}})
    assert again.code == 409
    assert again.body["message"] == f'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "{node}"'


def test_an_eviction_waits_for_its_budget(stage: Stage) -> None:
    api, budgets = stage.api, f"/apis/policy/v1/namespaces/{stage.namespace}/poddisruptionbudgets"
    stage.running("spare")
    budget = api.made(budgets, {"metadata": {"name": "spare"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "spare"}}}})
    assert budget["spec"] == {"minAvailable": 1, "selector": {"matchLabels": {"app": "spare"}}}
    eventually(lambda: api.seen(f"{budgets}/spare")["status"].get("currentHealthy") == 1, 30)
    status = api.seen(f"{budgets}/spare")["status"]
    assert {k: status[k] for k in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")} == {
        "currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 1,
    }  # fmt: skip
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "spare", "namespace": stage.namespace}}
    refused = api.post(f"{stage.core}/pods/spare/eviction", eviction)
    assert (refused.code, refused.body["reason"]) == (429, "TooManyRequests")
    assert refused.body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    (cause,) = refused.body["details"]["causes"]
    assert cause == {"reason": "DisruptionBudget", "message": "The disruption budget spare needs 1 healthy pods and has 1 currently"}
    api.delete(f"{budgets}/spare")
    answer = eventually(lambda: a if (a := api.post(f"{stage.core}/pods/spare/eviction", eviction)).code == 201 else None, 20)
    assert answer.body == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    eventually(lambda: api.get(f"{stage.core}/pods/spare").code == 404)


# ── log ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_log_is_plain_text(stage: Stage) -> None:
    stage.running("talks")
    eventually(lambda: "line 5" in stage.log("talks"))
    answer = stage.api.get(f"{stage.core}/pods/talks/log")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.body == "".join(f"line {n}\n" for n in range(1, 6))


def test_a_log_is_cut_as_asked(stage: Stage) -> None:
    stage.running("talks")
    eventually(lambda: "line 5" in stage.log("talks"))
    assert stage.log("talks", tailLines=2) == "line 4\nline 5\n"
    assert stage.log("talks", limitBytes=6) == "line 1"
    assert stage.log("talks", tailLines=0) == ""
    stamped = stage.log("talks", timestamps=True, tailLines=1)
    assert stamped[:2] == "20"
    assert stamped.split(" ", 1)[1] == "line 5\n"
    assert stage.log("talks", sinceSeconds=100000).startswith("line 1\n")
    assert stage.log("talks", sinceTime="2100-01-01T00:00:00Z") == ""


def test_a_log_is_followed(stage: Stage) -> None:
    with Following(stage, "pair", container="beside") as lines:
        assert lines.next_line() == "beside"


class Following:
    """A log with follow=true, line by line. A kubelet under load ends it at once where it does not know the container as running yet: as
    any client that follows, this one asks again."""

    def __init__(self, stage: Stage, name: str, **query: Any) -> None:
        stage.running(name)
        self.stage, self.url = stage, stage.api.url(f"{stage.core}/pods/{name}/log", {"follow": True} | query)
        self.reply = self._ask()

    def _ask(self) -> Any:
        api = self.stage.api
        return api.pool.request("GET", self.url, headers=api.headers, preload_content=False, timeout=20)

    def next_line(self) -> str:
        def ask() -> str | None:
            for piece in self.reply.stream(4096):
                return str(piece.decode().splitlines()[0])
            self.reply = self._ask()
            return None

        return poll("a line of the log", ask, within_s=20)

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.reply.release_conn()
        self.reply.close()


@pytest.mark.parametrize(
    "name, query, code, message",
    [
        ("pair", {}, 400, "a container name must be specified for pod pair, choose one of: [web beside]"),
        ("pair", {"container": "ghost"}, 400, "container ghost is not valid for pod pair"),
        ("talks", {"tailLines": "-1"}, 422, None),
        ("ghost", {}, 404, 'pods "ghost" not found'),
        ("talks", {"previous": "true"}, 400, 'previous terminated container "main" in pod "talks" not found'),
        ("no-image", {}, 400, 'container "main" in pod "no-image" is waiting to start: '),
    ],
)
def test_a_log_that_is_not_there(stage: Stage, name: str, query: Json, code: int, message: str | None) -> None:
    stage.running("talks")
    stage.running("pair")
    stage.when(
        "no-image", lambda p: p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    )
    answer = stage.api.get(f"{stage.core}/pods/{name}/log", **query)
    assert answer.code == code
    if message:
        assert answer.body["message"].startswith(message)


def test_the_log_of_a_pod_without_a_node_is_no_content(stage: Stage) -> None:
    answer = stage.api.get(f"{stage.core}/pods/too-big/log")
    assert (answer.code, answer.body) == (204, "")


def test_the_log_of_the_life_before(stage: Stage) -> None:
    stage.when("second-life", lambda p: p["status"]["containerStatuses"][0]["restartCount"] == 1 and "running" in state(p))
    eventually(lambda: stage.log("second-life") == "second\n")
    assert stage.log("second-life", previous=True) == "first\n"


# ── exec ─────────────────────────────────────────────────────────────────────────────────────────────────────
def run(target: Target, stage: Stage, name: str, *command: str, **more: Any) -> tuple[str, str, int]:
    core = client.CoreV1Api(target.api.client)
    talk = stream(core.connect_get_namespaced_pod_exec, name, stage.namespace, command=list(command), stdout=True, stderr=True,
                  stdin=False, tty=False, _preload_content=False, **more)  # fmt: skip
    talk.run_forever(timeout=20)
    return talk.read_stdout(), talk.read_stderr(), talk.returncode


def test_exec_gives_both_outputs_and_the_exit_code(target: Target, stage: Stage) -> None:
    stage.running("talks")
    assert run(target, stage, "talks", "sh", "-c", "echo out; echo err >&2; exit 3") == ("out\n", "err\n", 3)
    assert run(target, stage, "talks", "echo", "fine") == ("fine\n", "", 0)


def test_exec_sends_what_it_is_given(target: Target, stage: Stage) -> None:
    stage.running("talks")
    core = client.CoreV1Api(target.api.client)
    talk = stream(core.connect_get_namespaced_pod_exec, "talks", stage.namespace, command=["sh", "-c", "read a; echo got $a"], stdin=True,
                  stdout=True, stderr=True, tty=False, _preload_content=False)  # fmt: skip
    talk.write_stdin("this\n")
    talk.run_forever(timeout=20)
    assert (talk.read_stdout(), talk.returncode) == ("got this\n", 0)


def test_exec_reaches_a_named_container(target: Target, stage: Stage) -> None:
    stage.running("pair")
    assert run(target, stage, "pair", "echo", "here", container="beside") == ("here\n", "", 0)


def test_exec_ends_with_a_status_on_the_error_channel(stage: Stage) -> None:
    stage.running("talks")
    url = stage.api.url(f"{stage.core}/pods/talks/exec", {"command": ["sh", "-c", "exit 3"], "stdout": True, "stderr": True})
    options = {
        "ca_certs": stage.api.tls.get("ca_certs"),
        "certfile": stage.api.tls.get("cert_file"),
        "keyfile": stage.api.tls.get("key_file"),
    }
    head = [f"{k}: {v}" for k, v in stage.api.headers.items() if k == "Authorization"]
    talk = websocket.create_connection(
        url.replace("http", "ws", 1), subprotocols=["v5.channel.k8s.io", "v4.channel.k8s.io"], header=head, timeout=20,
        sslopt={k: v for k, v in options.items() if v} | {"cert_reqs": ssl.CERT_REQUIRED if url.startswith("https") else ssl.CERT_NONE},
    )  # fmt: skip
    assert talk.getsubprotocol() == "v5.channel.k8s.io"
    frames: list[bytes] = []
    while not frames or frames[-1][:1] != b"\x03":
        frames.append(talk.recv_frame().data)
        assert len(frames) < 20, frames
    talk.close()
    assert json.loads(frames[-1][1:]) == {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: command terminated with exit code 3",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }


def test_exec_needs_a_socket(stage: Stage) -> None:
    stage.running("talks")
    answer = stage.api.get(f"{stage.core}/pods/talks/exec", command="true", stdout=True)
    assert answer.code == 400
    assert answer.body["message"] == "Upgrade request required"


def test_exec_in_a_pod_that_is_not_there(target: Target, stage: Stage) -> None:
    with pytest.raises(client.ApiException) as caught:
        run(target, stage, "ghost", "true")
    assert "404" in str(caught.value.status) + str(caught.value.reason)


# ── proxy ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_proxy_of_a_pod_asks_its_port(stage: Stage) -> None:
    stage.running("web")
    answer = stage.api.get(f"{stage.core}/pods/web:8080/proxy/hostname")
    assert (answer.code, answer.body) == (200, "web")
    answer = stage.api.get(f"{stage.core}/pods/web:8080/proxy/echo", msg="through")
    assert (answer.code, answer.body) == (200, "through")


def test_the_proxy_of_a_service_asks_a_ready_pod(stage: Stage) -> None:
    stage.running("web")
    eventually(lambda: stage.api.get(f"{stage.core}/services/web:80/proxy/hostname").code == 200, 30)
    assert stage.api.get(f"{stage.core}/services/web:80/proxy/hostname").body == "web"


def test_the_proxy_passes_the_code_of_the_program(stage: Stage) -> None:
    stage.running("web")
    assert stage.api.get(f"{stage.core}/pods/web:8080/proxy/redirect", code=418, location="/").code == 418


def test_the_proxy_of_a_closed_port_is_503(stage: Stage) -> None:
    stage.running("web")
    answer = stage.api.get(f"{stage.core}/pods/web:81/proxy/")
    assert (answer.code, answer.body["reason"]) == (503, "ServiceUnavailable")
    assert "connection refused" in answer.body["message"]


def test_the_proxy_of_a_service_without_a_ready_pod_is_503(stage: Stage) -> None:
    answer = stage.api.get(f"{stage.core}/services/not-ready:80/proxy/")
    assert answer.code == 503
    assert answer.body["message"] == 'no endpoints available for service "not-ready"'
    answer = stage.api.get(f"{stage.core}/services/ghost/proxy/")
    assert (answer.code, answer.body["message"]) == (503, 'no endpoints available for service "ghost"')


# ── namespaces and nodes ─────────────────────────────────────────────────────────────────────────────────────
def test_finalize_takes_the_finalizers_of_a_namespace(api: Api, target: Target) -> None:
    body = api.made("/api/v1/namespaces", {"metadata": {"generateName": "contract-", "finalizers": ["example.org/hold"]}})
    path = f"/api/v1/namespaces/{body['metadata']['name']}"
    target.made.append(body["metadata"]["name"])
    assert api.put(f"{path}/finalize", body | {"spec": {"finalizers": ["kubernetes", "example.org/more"]}}).body["spec"]["finalizers"] == [
        "kubernetes",
        "example.org/more",
    ]
    now = api.seen(path)
    assert api.put(f"{path}/finalize", now | {"spec": {"finalizers": ["kubernetes"]}}).code == 200
    api.patch(path, {"metadata": {"finalizers": None}})


def test_the_status_of_a_node_may_be_patched(api: Api) -> None:
    name = api.seen("/api/v1/nodes")["items"][0]["metadata"]["name"]
    condition = {"type": "example.org/Tested", "status": "True", "reason": "Asked", "message": "m"}
    answer = api.patch(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}}, STRATEGIC)
    assert answer.code == 200
    assert {"Ready", "example.org/Tested"} <= {c["type"] for c in answer.body["status"]["conditions"]}
    api.patch(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [{"type": "example.org/Tested", "$patch": "delete"}]}}, STRATEGIC)
