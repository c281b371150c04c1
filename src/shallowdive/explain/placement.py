"""Why a pod has no node. The scheduler counts its reasons and names neither taint nor node, so the nodes' own records are read too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from shallowdive.explain.finding import LIKELY, Evidence
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight, condition_of, in_words
from shallowdive.objects import Object, labels_of, name_of
from shallowdive.objects.quantities import amount, asked
from shallowdive.objects.scheduling import VOLUME_ELSEWHERE, parts_of

TEXTS = {
    # cause: the scheduler's words for one of its reasons
    "claim-missing": r'persistentvolumeclaim "(?P<named>[^"]+)" not found',
    "claim-unbound": r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes",
    "volume-elsewhere": VOLUME_ELSEWHERE,
    "insufficient": r"Insufficient (?P<resource>\S+)|Too many (?P<pods>pods)",
    "no-node-matches": r"node affinity/selector|\[NodeAffinity\]",
    "pod-affinity-unmet": r"pods? (anti-)?affinity",
    "spread-unmet": r"topology spread",
    "host-port-taken": r"free ports",
    "nodes-cordoned": r"were unschedulable",
    "taint-not-tolerated": r"untolerated taint",
}
AWAY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
PLACED_S = 10


def message(sight: Sight, pod: Object) -> str:
    """What the scheduler says, without its thoughts on preemption; '' for a pod with a node. An event may be there before the condition."""
    scheduled = condition_of(pod, "PodScheduled")
    text = str(scheduled.get("message", "")) if scheduled.get("reason") == "Unschedulable" else ""
    if not scheduled and not pod["spec"].get("nodeName"):
        text = sight.last(pod, "FailedScheduling")
    return text.partition(" preemption:")[0]


def reasons(sight: Sight, pod: Object) -> dict[str, tuple[str, dict[str, str]]]:
    """Cause → (the scheduler's words, facts). A taint that keeps a pod off the control plane is no cause while there is another."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for part in parts_of(message(sight, pod)):
        for cause, pattern in TEXTS.items():
            m = re.search(pattern, part)
            if m:
                facts = {k: v for k, v in m.groupdict().items() if v}
                found.setdefault(_sized(sight, pod, facts) if cause == "insufficient" else cause, (part, facts))
                break
    if "no-node-matches" in found and len(found) > 1 and any(matches(pod, n) for n in sight.all("Node")):
        del found["no-node-matches"]
    if not sight.looked("Node"):
        for _, facts in found.values():
            facts["certainty"] = LIKELY  # which node failed for which reason is not told
    if "taint-not-tolerated" in found:
        if len(found) > 1:
            del found["taint-not-tolerated"]
        elif any(t["key"] in AWAY for n in sight.all("Node") for t in _untolerated(pod, n)):
            found["node-not-ready"] = found.pop("taint-not-tolerated")
    return found


def _sized(sight: Sight, pod: Object, facts: dict[str, str]) -> str:
    """`requests-too-big` when no node could ever hold it, else `nodes-full`."""
    facts["resource"] = resource = facts.get("resource") or "pods"
    wanted = asked(pod, resource) if resource != "pods" else amount(1)
    sizes = [(n["status"].get("allocatable") or {}).get(resource, "0") for n in sight.all("Node")]
    if not sizes:
        facts["certainty"] = LIKELY
        facts["biggest"] = "a size that was not looked at"
        return "requests-too-big" if "No preemption victims" not in str(condition_of(pod, "PodScheduled")) else "nodes-full"
    facts["biggest"] = max(sizes, key=amount)
    return "requests-too-big" if wanted > amount(facts["biggest"]) else "nodes-full"


def matches(pod: Object, node: Object) -> bool:
    """Whether the pod's nodeSelector and required node affinity allow this node."""
    labels = labels_of(node)
    if any(labels.get(k) != v for k, v in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    return terms is None or any(
        all(_fits(labels, e) for e in t.get("matchExpressions") or [])
        and all(_fits({"metadata.name": name_of(node)}, e) for e in t.get("matchFields") or [])
        for t in terms
    )


def _fits(labels: dict[str, str], e: dict[str, Any]) -> bool:
    has, values = labels.get(e["key"]), e.get("values") or []
    ways: dict[str, Callable[[], bool]] = {
        "In": lambda: has in values,
        "NotIn": lambda: has not in values,
        "Exists": lambda: has is not None,
        "DoesNotExist": lambda: has is None,
        "Gt": lambda: has is not None and int(has) > int(values[0]),
        "Lt": lambda: has is not None and int(has) < int(values[0]),
    }
    return ways[e["operator"]]()


def _untolerated(pod: Object, node: Object) -> list[dict[str, Any]]:
    def tolerated(taint: dict[str, Any]) -> bool:
        return any(
            t.get("key") in (None, "", taint["key"])
            and t.get("effect") in (None, "", taint["effect"])
            and (t.get("operator") == "Exists" or (t.get("value") or "") == (taint.get("value") or ""))
            for t in pod["spec"].get("tolerations") or []
        )

    taints = node["spec"].get("taints") or []
    return [t for t in taints if t["effect"] in ("NoSchedule", "NoExecute") and not tolerated(t)]


def _unplaced(cause: str) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        if cause in (found := reasons(sight, pod)):
            text, facts = found[cause]
            yield Evidence(f"PodScheduled=False: {text}", {"value": _now(cause, pod, facts), **_words(sight, pod, facts), **facts})

    return find


def _now(cause: str, pod: Object, facts: dict[str, str]) -> str:
    spec, resource = pod["spec"], facts.get("resource", "")
    if cause in ("requests-too-big", "nodes-full"):
        found = [(c.get("resources") or {}).get(kind, {}).get(resource) for c in spec["containers"] for kind in ("requests", "limits")]
        return " + ".join(str(f) for f in found[::2] if f) or next((str(f) for f in found if f), "")
    if cause == "no-node-matches":
        return in_words(spec.get("nodeSelector")) if spec.get("nodeSelector") else "a required nodeAffinity"
    return ""


def _words(sight: Sight, pod: Object, facts: dict[str, str]) -> dict[str, str]:
    cordoned = [name_of(n) for n in sight.all("Node") if n["spec"].get("unschedulable")]
    taints = {t["key"] for n in sight.all("Node") if matches(pod, n) for t in _untolerated(pod, n)}
    return {
        "taints": ", ".join(sorted(taints)) or "not named",
        "cordoned": ", ".join(cordoned) or "NODE",
        "named": facts.get("named", ""),
        "biggest": facts.get("biggest", ""),
    }


def _no_node(sight: Sight, owner: Object) -> Iterator[Evidence]:
    """A DaemonSet makes no pod where its template does not fit, so no scheduler complains."""
    nodes, template = sight.all("Node"), {"spec": owner["spec"]["template"]["spec"]}
    wanted = (owner.get("status") or {}).get("desiredNumberScheduled")
    if nodes and wanted == 0 and not any(matches(template, n) for n in nodes):
        yield Evidence("status.desiredNumberScheduled 0", {"value": _now("no-node-matches", template, {})})


def _gated(_: Sight, pod: Object) -> Iterator[Evidence]:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(g["name"] for g in pod["spec"].get("schedulingGates") or [])
        yield Evidence(f"SchedulingGated: {scheduled.get('message', '')}", {"value": gates})


def _nobody(sight: Sight, pod: Object) -> Iterator[Evidence]:
    """No node, and no word of a scheduler either."""
    scheduler = pod["spec"].get("schedulerName", "default-scheduler")
    silent = not pod["spec"].get("nodeName") and not condition_of(pod, "PodScheduled") and sight.age_s(pod) >= PLACED_S
    if silent and scheduler != "default-scheduler":
        yield Evidence(f"spec.schedulerName is {scheduler}, and no scheduler has looked at the pod", {"value": scheduler})


def _soon(sight: Sight, pod: Object) -> Iterator[Evidence]:
    if (
        not pod["spec"].get("nodeName")
        and not condition_of(pod, "PodScheduled")
        and not message(sight, pod)
        and sight.age_s(pod) < PLACED_S
    ):
        yield Evidence("no condition PodScheduled yet")


UNPLACED = (
    "claim-missing", "requests-too-big", "nodes-full", "no-node-matches", "pod-affinity-unmet", "spread-unmet", "host-port-taken",
    "volume-elsewhere", "nodes-cordoned", "node-not-ready", "taint-not-tolerated", "claim-unbound",
)  # fmt: skip
RULES = (
    *rules(
        ("Pod",),
        {
            "scheduling-gated": _gated,
            "scheduler-missing": _nobody,
            **{cause: _unplaced(cause) for cause in UNPLACED},
            "waits-for-scheduler": _soon,
        },
    ),
    *rules(("DaemonSet",), {"no-node-for-daemon": _no_node}),
)
