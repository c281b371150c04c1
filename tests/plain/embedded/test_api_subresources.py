"""Subresources: scale, binding, eviction, tokens, logs and the proxy, as far as the API server itself decides."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.network import Unreachable
from shallowdive.embedded.registry import Who
from shallowdive.embedded.request import Later, Request, Response
from tests.plain.embedded.asking import APPLY, PODS, Asking

DEPLOYMENTS, SERVICES = "/apis/apps/v1/namespaces/default/deployments", "/api/v1/namespaces/default/services"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
TEST = Who("test")


@pytest.fixture
def api() -> Asking:
    return Asking()


def pod(api: Asking, name: str = "one", **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "i", "ports": [{"name": "http", "containerPort": 8080}]}
    made: dict[str, Any] = api.made(PODS, {"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": [container]} | spec})
    return made


def running(api: Asking, name: str = "one", ip: str = "10.244.1.9") -> None:
    def edit(value: dict[str, Any]) -> None:
        value["status"] = {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]}

    api.cluster.registry.change("pods", "default", name, edit, TEST, subresource="status")


# scale


def web(api: Asking) -> str:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    api.made(
        DEPLOYMENTS,
        {"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}},
    )
    return f"{DEPLOYMENTS}/web"


def test_scale_is_read_replaced_patched_and_applied(api: Asking) -> None:
    path = web(api)
    body = api.get(f"{path}/scale").body
    assert (body["kind"], body["spec"], body["status"]) == ("Scale", {"replicas": 1}, {"replicas": 0, "selector": "app=web"})
    body["spec"]["replicas"] = 2
    assert api.put(f"{path}/scale", body).body["spec"] == {"replicas": 2}
    assert api.put(f"{path}/scale", body).code == 409, "it has the version of its owner"
    assert api.patch(f"{path}/scale", {"spec": {"replicas": 3}}).body["spec"] == {"replicas": 3}
    applied = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
    assert api.patch(f"{path}/scale", applied, APPLY, fieldManager="m", force="true").body["spec"] == {"replicas": 4}
    owner = api.get(path).body
    assert (owner["spec"]["replicas"], owner["metadata"]["generation"]) == (4, 4)
    assert {m.get("subresource") for m in owner["metadata"]["managedFields"]} == {None, "scale"}


def test_a_scale_that_makes_no_sense_is_refused(api: Asking) -> None:
    path = web(api)
    answer = api.patch(f"{path}/scale", {"spec": {"replicas": -1}})
    assert answer.code == 422
    assert (
        answer.body["message"] == 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    assert api.put(f"{path}/scale", {"spec": {"replicas": 1}}).code == 400
    assert api.get(f"{DEPLOYMENTS}/ghost/scale").body["message"] == 'deployments.apps "ghost" not found'


# pods


@pytest.mark.parametrize("path", ["/pods/one/binding", "/bindings"])
def test_a_binding_puts_a_pod_on_a_node_once(api: Asking, path: str) -> None:
    pod(api, schedulerName="none")
    body = {"metadata": {"name": "one", "annotations": {"a": "b"}}, "target": {"kind": "Node", "name": "shallowdive-worker"}}
    answer = api.post("/api/v1/namespaces/default" + path, body)
    assert (answer.code, answer.body["status"]) == (201, "Success")
    bound = api.get(f"{PODS}/one").body
    assert (bound["spec"]["nodeName"], bound["metadata"]["annotations"]) == ("shallowdive-worker", {"a": "b"})
    assert [c["status"] for c in bound["status"]["conditions"] if c["type"] == "PodScheduled"] == ["True"]
    again = api.post("/api/v1/namespaces/default" + path, body)
    assert (again.code, "pod one is already assigned to node" in again.body["message"]) == (409, True)


@pytest.mark.parametrize(
    "target, code, message",
    [({"kind": "Pod", "name": "x"}, 500, 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'),
     ({}, 500, "target.name: Required value")],
)  # fmt: skip
def test_a_binding_to_nothing_is_refused(api: Asking, target: dict[str, str], code: int, message: str) -> None:
    pod(api, schedulerName="none")
    answer = api.post(f"{PODS}/one/binding", {"metadata": {"name": "one"}, "target": target})
    assert (answer.code, answer.body["message"]) == (code, message)


def budget(api: Asking, name: str = "b", allowed: int = 0) -> None:
    made = api.made(BUDGETS, {"metadata": {"name": name}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}})

    def edit(value: dict[str, Any]) -> None:
        counts = {"currentHealthy": 1 + allowed, "desiredHealthy": 1, "expectedPods": 1 + allowed, "disruptionsAllowed": allowed}
        value["status"] = counts | {"observedGeneration": made["metadata"]["generation"]}

    api.cluster.registry.change("poddisruptionbudgets.policy", "default", name, edit, TEST, subresource="status")


def evicted(api: Asking, **more: Any) -> Any:
    return api.post(f"{PODS}/one/eviction", {"metadata": {"name": "one"}} | more)


def test_an_eviction_that_a_budget_forbids_is_429_with_its_reason(api: Asking) -> None:
    pod(api)
    running(api)
    budget(api)
    answer = evicted(api)
    assert (answer.code, answer.body["message"]) == (429, "Cannot evict pod as it would violate the pod's disruption budget.")
    why = {"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"}
    assert answer.body["details"]["causes"] == [why]


def test_an_eviction_spends_what_its_budget_allows(api: Asking) -> None:
    pod(api)
    running(api)
    budget(api, allowed=1)
    assert evicted(api, deleteOptions={"dryRun": ["All"]}).code == 201
    assert api.get(f"{BUDGETS}/b").body["status"]["disruptionsAllowed"] == 1, "a dry run spends nothing"
    assert evicted(api, deleteOptions={"gracePeriodSeconds": 0}).code == 201
    assert api.get(f"{PODS}/one").code == 404
    status = api.get(f"{BUDGETS}/b").body["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["one"])


def test_two_budgets_for_one_pod_are_an_error(api: Asking) -> None:
    pod(api)
    running(api)
    budget(api, "a")
    budget(api, "b")
    assert evicted(api).code == 500


def test_only_finalize_takes_the_finalizer_of_a_namespace(api: Asking) -> None:
    body = api.get("/api/v1/namespaces/default").body | {"spec": {}}
    assert api.put("/api/v1/namespaces/default", body).body["spec"] == {"finalizers": ["kubernetes"]}
    body["metadata"].pop("resourceVersion")
    assert api.put("/api/v1/namespaces/default/finalize", body).body["spec"] == {}


# logs


@pytest.mark.parametrize(
    "query, code, message",
    [({"tailLines": -1}, 422, 'PodLogOptions "one" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'),
     ({"limitBytes": 0}, 422, 'PodLogOptions "one" is invalid: limitBytes: Invalid value: 0: must be greater than 0'),
     ({"sinceSeconds": 0}, 422, 'PodLogOptions "one" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'),
     ({"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'), ({"container": "y"}, 400,
       "container y is not valid for pod one"),
     ({"sinceTime": "x"}, 400, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"')],
)  # fmt: skip
def test_log_options_are_checked(api: Asking, query: dict[str, Any], code: int, message: str) -> None:
    pod(api)
    answer = api.get(f"{PODS}/one/log", **query)
    assert (answer.code, answer.body["message"]) == (code, message)


def test_a_pod_without_a_node_has_no_log(api: Asking) -> None:
    pod(api)
    assert api.get(f"{PODS}/one/log").code == 204
    assert api.get(f"{PODS}/ghost/log").code == 404


def test_exec_needs_a_node_and_an_upgraded_connection(api: Asking) -> None:
    pod(api, schedulerName="none")
    assert api.post(f"{PODS}/one/exec", None, command="ls").body["message"] == "pod one does not have a host assigned"
    api.post(f"{PODS}/one/binding", {"metadata": {"name": "one"}, "target": {"kind": "Node", "name": "shallowdive-worker"}})
    assert api.post(f"{PODS}/one/exec", None, command="ls").body["message"] == "Upgrade request required"


# proxy


class Heard:
    """A program that says what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __call__(self, request: Request, reply: Any) -> None:
        self.requests.append(request)
        reply(Response(200, b"heard", "text/plain"))


def test_the_proxy_passes_on_path_query_and_body_but_no_credentials(api: Asking) -> None:
    pod(api)
    running(api)
    heard = Heard()
    api.cluster.network.listen("10.244.1.9", 8080, heard)
    for name in ("one", "one:8080", "one:http", "http:one:8080"):
        answer = api.post(f"{PODS}/{name}/proxy/a/b/", {"x": 1}, headers={"authorization": "Bearer x"} if not api.headers else {}, q="1")
        assert (answer.code, answer.body) == (200, "heard")
    request = heard.requests[-1]
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a/b/", {"q": ["1"]}, b'{"x": 1}')
    assert "authorization" not in request.headers
    assert request.headers["x-forwarded-uri"].endswith("/pods/http:one:8080/proxy/a/b/")
    assert api.get(f"{PODS}/one/proxy").headers["Location"] == f"{PODS}/one/proxy/"


@pytest.mark.parametrize(
    "path, code, message",
    [(f"{PODS}/one:81/proxy/", 503, "error trying to reach service: dial tcp 10.244.1.9:81: connect: connection refused"),
     (f"{PODS}/https:one:8080/proxy/", 503, "error trying to reach service: tls: first record does not look like a TLS handshake"),
     (f"{PODS}/a:b:c:d/proxy/", 400, 'invalid pod request "a:b:c:d"'), (f"{PODS}/ghost/proxy/", 404, 'pods "ghost" not found'),
     (f"{SERVICES}/ghost:80/proxy/", 404, 'services "ghost" not found'), (f"{SERVICES}/s:81/proxy/", 503,
       'no service port 81 found for service "s"'),
     (f"{SERVICES}/s/proxy/", 503, 'no endpoints available for service "s"'), (f"{SERVICES}/s:web/proxy/", 503,
       'no endpoints available for service "s"'),
     ("/api/v1/nodes/ghost/proxy/healthz", 404, 'nodes "ghost" not found')],
)  # fmt: skip
def test_where_nobody_answers_the_proxy_says_why(api: Asking, path: str, code: int, message: str) -> None:
    pod(api)
    running(api)
    api.cluster.network.addresses.add("10.244.1.9")
    api.made(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80}]}})
    answer = api.get(path)
    assert (answer.code, answer.body["message"]) == (code, message)


def test_an_answer_may_come_later(api: Asking) -> None:
    pod(api)
    running(api)
    replies: list[Any] = []
    api.cluster.network.listen("10.244.1.9", 8080, lambda request, reply: replies.append(reply))
    later = api.raw("GET", f"{PODS}/one/proxy/")
    assert isinstance(later, Later)
    assert later.response is None
    replies[0](Unreachable("EOF"))
    assert later.response is not None
    assert b"error trying to reach service: EOF" in later.response.body
