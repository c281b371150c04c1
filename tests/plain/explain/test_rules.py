"""Rules on small made-up states: what was not captured, what must not be guessed, and what nobody looked at."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from shallowdive.explain import explain, explain_refusal
from shallowdive.explain.finding import CERTAIN
from shallowdive.explain.rule import CAUSES
from shallowdive.live import ClusterState
from shallowdive.live.state import key_of
from shallowdive.objects import Object
from shallowdive.objects.quantities import amount, asked
from tests.plain.explain.captured import Captured, captured

MADE = "2026-01-01T00:00:00Z"
MADE_S = 1767225600.0
LONG = MADE_S + 3600


def obj(kind: str, name: str, spec: Object | None = None, status: Object | None = None, **metadata: Any) -> Object:
    base = {"name": name, "namespace": "here", "uid": f"{kind}-{name}", "creationTimestamp": MADE}
    return {"kind": kind, "metadata": base | metadata, "spec": spec or {}, "status": status or {}}


def pod(status: Object | None = None, *, name: str = "web", image: str = "web:1", **spec: Any) -> Object:
    return obj("Pod", name, {"nodeName": "one", "containers": [{"name": "web", "image": image}], **spec}, status)


def waits(reason: str, message: str = "", **more: Any) -> Object:
    return {
        "phase": "Pending",
        "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": reason, "message": message}}, **more}],
    }


def event(about: Object, reason: str, message: str) -> Object:
    made = obj("Event", f"{reason}-{message[:9]}")
    return made | {"involvedObject": {"uid": about["metadata"]["uid"]}, "reason": reason, "message": message, "type": "Warning"}


def state(*objects: Object, looked: tuple[str, ...] = ()) -> ClusterState:
    kinds: dict[str, dict[Any, Object]] = {k: {} for k in looked}
    for o in objects:
        kinds.setdefault(o["kind"], {})[key_of(o)] = o
    return ClusterState(MappingProxyType({k: MappingProxyType(v) for k, v in kinds.items()}))


def causes(about: Object, *others: Object, looked: tuple[str, ...] = (), now: float = LONG) -> tuple[str, ...]:
    return explain(state(about, *others, looked=looked), about["kind"], "here", about["metadata"]["name"], now=now).causes


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────
def runs_after(code: int, reason: str = "Error") -> Object:
    """It runs and is ready, a little while after an end."""
    end = {"exitCode": code, "reason": reason, "startedAt": MADE, "finishedAt": MADE}
    told = {"name": "web", "ready": True, "restartCount": 1, "state": {"running": {"startedAt": MADE}}, "lastState": {"terminated": end}}
    return {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [told]}


@pytest.mark.parametrize(
    ("code", "reason", "cause"),
    [
        (137, "Error", ("killed-by-signal",)),
        (143, "Error", ("killed-by-signal",)),
        (192, "Error", ("killed-by-signal",)),
        (193, "Error", ("command-failed",)),
        (255, "Error", ("command-failed",)),
        (255, "Unknown", ()),
        (137, "ContainerStatusUnknown", ()),
    ],
)
def test_a_code_beyond_the_last_signal_is_the_programs_own_and_an_end_that_nobody_saw_is_no_cause(
    code: int, reason: str, cause: tuple[str, ...]
) -> None:
    assert causes(pod(runs_after(code, reason)), now=MADE_S + 60) == cause


# ── images ───────────────────────────────────────────────────────────────────────────────────────────────────
PULL = 'failed to pull and unpack image "{0}": failed to resolve reference "{0}": '


@pytest.mark.parametrize(
    ("image", "says", "cause"),
    [
        ("here.test/not-found/denied:429", 'Head "https://here.test/v2/not": dial tcp: lookup here.test: no such host', "no-such-host"),
        ("here.test/x509:eof", "here.test/x509:eof: not found", "not-found"),
        ("a/b:1", "tls: failed to verify certificate: x509: certificate signed by unknown authority", "bad-certificate"),
        ("a/b:1", "dial tcp 192.0.2.1:443: i/o timeout", "no-route"),
        ("a/b:1", "dial tcp: lookup a on 192.0.2.1:53: i/o timeout", "no-such-host"),
        ("a/b:1", "context deadline exceeded", "slow"),
        ("a/b:1", "failed commit on ref: unexpected commit digest", "pull-fails"),
    ],
)  # fmt: skip
def test_the_class_of_a_failed_pull_is_read_from_the_message_and_never_from_a_name_in_it(image: str, says: str, cause: str) -> None:
    full = image if "." in image else f"docker.io/{image}"
    assert causes(pod(waits("ErrImagePull", PULL.format(full) + says), image=image)) == (f"image-{cause}",)


def test_a_loaded_image_is_blamed_on_the_policy_only_when_the_node_has_it() -> None:
    broken = pod(waits("ImagePullBackOff", "dial tcp: lookup registry: no such host"), image="app")
    node = obj(
        "Node", "one", status={"images": [{"names": ["docker.io/library/app:latest"]}], "conditions": [{"type": "Ready", "status": "True"}]}
    )
    assert causes(broken, node) == ("image-always-pulled",)
    node["status"]["images"] = [{"names": ["docker.io/library/app:v1"]}]
    assert causes(broken, node) == ("image-no-such-host",)
    assert explain(state(broken), "Pod", "here", "web", now=LONG).findings[0].certainty != CERTAIN, "nobody looked at the node"


# ── unknown ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pod_that_waits_without_a_complaint_is_starting_when_young_and_unknown_when_old() -> None:
    waiting = pod(waits("ContainerCreating"))
    assert causes(waiting, now=MADE_S + 3) == ("starting",)
    seen = explain(state(waiting), "Pod", "here", "web", now=LONG)
    assert (seen.verdict, seen.causes) == ("unknown", ())
    assert "the record does not say why" in str(seen)


def test_a_deployment_whose_pods_are_old_and_not_ready_is_not_called_a_rollout() -> None:
    owner = obj("Deployment", "web", {"replicas": 1, "selector": {}}, {"conditions": [{"type": "Progressing", "status": "True"}]})
    rs = obj(
        "ReplicaSet",
        "web-1",
        {"replicas": 1},
        {"replicas": 1},
        ownerReferences=[{"kind": "Deployment", "name": "web", "uid": "Deployment-web", "controller": True}],
    )
    child = pod(waits("ContainerCreating"), name="web-1-a")
    child["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-1", "uid": "ReplicaSet-web-1", "controller": True}]
    assert causes(owner, rs, child, now=MADE_S + 3) == ("starting", "rollout-going-on")
    assert explain(state(owner, rs, child), "Deployment", "here", "web", now=LONG).verdict == "unknown"


def test_the_last_complaint_is_told_when_no_rule_knows_it() -> None:
    strange = pod(waits("ContainerCreating"))
    seen = explain(state(strange, event(strange, "Odd", "the moon is full")), "Pod", "here", "web", now=LONG)
    assert seen.verdict == "unknown"
    assert "Odd: the moon is full" in str(seen)


def test_what_is_not_there_and_what_nobody_looked_at_are_two_answers() -> None:
    assert explain(state(looked=("Pod",)), "Pod", "here", "web").verdict == "absent"
    assert explain(state(), "Pod", "here", "web").verdict == "unseen"
    assert explain(state(obj("ConfigMap", "a")), "ConfigMap", "here", "a").verdict == "no rules"


def test_an_object_of_another_namespace_is_not_taken_for_ours() -> None:
    other = pod({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
    other["metadata"]["namespace"] = "there"
    assert explain(state(other), "Pod", "here", "web").verdict == "absent"


STATES = [c for c in captured() if "objects" in c.data]
MISSED = {"Service", "Secret", "Deployment", "StatefulSet", "IngressClass", "PersistentVolumeClaim"}
"""Kinds of which a rule says that one is missing."""
CONSEQUENCES = {name for name, cause in CAUSES.items() if cause.consequence}


@pytest.mark.parametrize("case", STATES, ids=lambda c: c.name)
def test_whatever_kind_nobody_looked_at_no_wrong_cause_is_told_for_certain(case: Captured) -> None:
    met = {k for k, found in case.data["objects"].items() if found} | MISSED
    for kind in sorted(met - {case.data["explain"]["kind"]}):
        seen = case.explained(kind)
        certain = {f.cause for f in seen.findings if f.certainty == CERTAIN}
        assert certain <= {*case.expect} | CONSEQUENCES, f"without {kind}"


# ── the rest of a pod's life ─────────────────────────────────────────────────────────────────────────────────
def test_a_scheduler_that_nobody_runs_is_likely() -> None:
    lonely = pod({"phase": "Pending"}, nodeName=None, schedulerName="mine")
    assert causes(lonely) == ("scheduler-missing",)
    assert causes(lonely, now=MADE_S + 2) == ("waits-for-scheduler",)


def test_a_pod_that_its_node_did_not_take_says_so() -> None:
    assert causes(pod({"phase": "Failed", "reason": "OutOfcpu", "message": "no room"})) == ("node-refused",)


def test_a_container_that_fell_lately_is_not_healthy_and_one_that_fell_long_ago_is() -> None:
    def runs(ended: str) -> Object:
        last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ended}}
        container = {"name": "web", "ready": True, "restartCount": 4, "state": {"running": {"startedAt": ended}}, "lastState": last}
        return pod({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [container]})

    assert causes(runs("2026-01-01T00:59:50Z")) == ("command-failed",)
    assert causes(runs("2026-01-01T00:10:00Z")) == ()


def test_a_runtime_error_without_known_words_is_not_called_a_missing_command() -> None:
    assert causes(pod(waits("RunContainerError", "failed to create shim task: no more loop devices"))) == ("start-fails",)
    assert causes(pod(waits("CreateContainerConfigError", "cannot find the moon"))) == ("config-refused",)


# ── autoscalers ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("FailedGetResourceMetric", "missing request for cpu in container web of Pod web-1", "metrics-request-missing"),
        ("FailedGetResourceMetric", "unable to get metrics: no metrics returned from resource metrics API", "metrics-not-yet"),
        ("FailedGetResourceMetric", "the server is currently unable to handle the request (get pods.metrics.k8s.io)", "metrics-api-dead"),
        ("FailedGetExternalMetric", "something else", "metrics-fail"),
    ],
)  # fmt: skip
def test_an_unknown_of_an_autoscaler_is_told_from_its_condition(reason: str, message: str, cause: str) -> None:
    conditions = [{"type": "ScalingActive", "status": "False", "reason": reason, "message": message}]
    hpa = obj("HorizontalPodAutoscaler", "web", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}, {"conditions": conditions})
    assert causes(hpa) == (cause,)
    hpa["status"] = {}
    assert causes(hpa) == ("autoscaler-not-looked-yet",)


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "value"), [("250m", 0.25), ("2", 2), ("64Mi", 64 * 2**20), ("1k", 1000), ("1E", 10**18), ("1e3", 1000), ("0.5", 0.5)]
)
def test_a_quantity_is_read_exactly(text: str, value: float) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["5GB", "64 Mi", "", "Mi", "two", "1Ki2"])
def test_what_is_no_quantity_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        amount(text)


def test_a_pod_asks_for_its_containers_together_or_for_its_greediest_init_container() -> None:
    def of(cpu: str, **more: str) -> Object:
        return {"name": cpu, "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {"containers": [of("1"), of("500m")], "initContainers": [of("2"), of("250m", restartPolicy="Always")]}
    assert asked({"spec": spec}, "cpu") == 2
    spec["initContainers"][0] = of("100m")
    assert asked({"spec": spec}, "cpu") == amount("1750m")


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_refusal_names_the_exact_place_when_the_manifest_is_there_and_the_servers_path_when_not() -> None:
    case = next(c for c in captured() if c.name == "G09-env-1")
    exact, rough = explain_refusal(case.data["body"], case.data["sent"]).findings[0], explain_refusal(case.data["body"]).findings[0]
    assert (exact.field, exact.value) == ("spec.template.spec.containers[web].env[PORT].value", "8080")
    assert rough.field == "spec.template.spec.containers.env.value"
    assert exact.says == "write it in quotes: a text is wanted here, and YAML reads 8080 as a number."


@pytest.mark.parametrize("body", [None, "", b"\xff", "<html>", '{"message": "out of cheese"}', '["a"]'])
def test_a_body_that_says_nothing_known_is_unknown(body: str | bytes | None) -> None:
    assert explain_refusal(body).verdict == "unknown"
