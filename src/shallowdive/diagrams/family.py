"""The family tree of a namespace as DOT: who owns whom (solid), what a Service or ReplicaSet selects by label (dashed).

Pure: a `ClusterState` in, DOT source and the same facts in words out."""

from __future__ import annotations

from collections.abc import Callable

from shallowdive.diagrams.dot import Line, graph, group, relation, thing
from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, is_helper, name_of, uid_of
from shallowdive.objects.pods import pod_state

MOST_CARDS = 8
WORDS = {
    "pending": "Pending", "pulling": "starting", "notready": "running, not ready", "ready": "ready", "terminating": "terminating",
    "failed": "failed", "backoff": "back-off", "unknown": "unknown", "succeeded": "succeeded",
}  # fmt: skip

NARROW_WORDS = {"notready": "not ready", "terminating": "ending"}


def family_dot(state: ClusterState, *, narrow: bool = False) -> str:
    """DOT of every Deployment, ReplicaSet and pod; old empty ReplicaSets stay, because a rollback goes back to them."""
    lines = [f"graph {_attributes(graph(rankdir='TB', nodesep='0.08' if narrow else '0.25'))};"]
    for deployment in state.all("Deployment"):
        wants = int(deployment["spec"].get("replicas") or 0)
        lines.append(
            _node(
                deployment,
                "deployment",
                [("words", "Deployment"), ("name", _clip(name_of(deployment), narrow)), ("quiet", f"wants {wants}")],
            )
        )
    for rs in state.all("ReplicaSet"):
        if narrow and rs in _idle(state):
            continue
        wants, ready = int(rs["spec"].get("replicas") or 0), int((rs.get("status") or {}).get("readyReplicas") or 0)
        counts = f"{ready} of {wants}" if narrow else f"wants {wants}, has {ready} ready"
        text: list[Line] = [
            ("words", "ReplicaSet"),
            ("name", name_of(rs)[-10:] if narrow else _clip(name_of(rs), narrow)),
            ("quiet", counts),
        ]
        lines.append(_node(rs, "replicaset", text))
        if controller_uid(rs):
            lines.append(_owns(controller_uid(rs), uid_of(rs)))
    if narrow and _idle(state):
        idle = _idle(state)
        lines.append(
            f'"idle" {_attributes(thing("replicaset", ("words", f"{len(idle)} older"), ("words", "ReplicaSets"), ("quiet", "want 0")))};'
        )
        lines += sorted({_owns(controller_uid(rs), "idle") for rs in idle if controller_uid(rs)})
    pods = [p for p in state.all("Pod") if not is_helper(p)]
    by_owner: dict[str, list[Object]] = {}
    for pod in pods:
        by_owner.setdefault(controller_uid(pod), []).append(pod)
    for owner, children in by_owner.items():
        lines += _children(owner, children, narrow, one_card=_is_one_card(owner, by_owner, narrow))
    lines += _selections(state, by_owner, lambda owner: _is_one_card(owner, by_owner, narrow))
    return "digraph {\n" + "\n".join(lines) + "\n}"


def in_words(state: ClusterState) -> str:
    """The facts of the tree, owner by owner."""
    said = []
    for rs in state.all("ReplicaSet"):
        owned = state.owned_by("Pod", rs)
        counts = _counts(owned)
        said.append(
            f"ReplicaSet {name_of(rs)} wants {rs['spec'].get('replicas', 0)} and owns {len(owned)}" + (f": {counts}" if counts else "")
        )
    orphans = [p for p in state.all("Pod") if not controller_uid(p) and not is_helper(p)]
    for deployment in state.all("Deployment"):
        chosen = [p for p in state.selected_by("Pod", _wanted_labels(deployment)) if not is_helper(p)]
        if chosen:
            said.append(f"Deployment {name_of(deployment)} selects {_label_words(deployment)}: {len(chosen)} pods carry it")
    said += [f"pod {name_of(p)} has no owner and is {WORDS[pod_state(p)]}" for p in orphans]
    return (
        ". ".join(said) + "." if said else "No pods and no ReplicaSets yet. Run the cell that makes them; they appear here by themselves."
    )


def states_in(state: ClusterState) -> list[str]:
    return sorted({pod_state(p) for p in state.all("Pod")})


def _wanted_labels(deployment: Object) -> dict[str, str]:
    return (deployment["spec"].get("selector") or {}).get("matchLabels") or {}


def _label_words(deployment: Object) -> str:
    return ", ".join(f"{k}={v}" for k, v in _wanted_labels(deployment).items())


def _selections(state: ClusterState, by_owner: dict[str, list[Object]], is_one_card: Callable[[str], bool]) -> list[str]:
    """A dashed lasso round the pods that carry the labels a Deployment selects. A card of several pods is inside when all of them are."""
    lines, taken = [], set[str]()
    for deployment in state.all("Deployment"):
        chosen = {uid_of(p) for p in state.selected_by("Pod", _wanted_labels(deployment))} - taken
        inside = []
        for owner, pods in by_owner.items():
            uids = {uid_of(p) for p in pods}
            if not is_one_card(owner):
                inside += sorted(uids & chosen)
            elif uids <= chosen:
                inside.append(_card(owner))
        if inside:
            look = group(("quiet", f"selected: {_label_words(deployment)}"), margin="8")
            nodes = " ".join(f'"{uid}";' for uid in inside)
            lines.append(f'subgraph "cluster_{uid_of(deployment)}" {{ graph {_attributes(look)}; {nodes} }}')
            taken |= chosen
    return lines


def _card(owner: str) -> str:
    return f"many-{owner or 'orphans'}"


def _is_one_card(owner: str, by_owner: dict[str, list[Object]], narrow: bool) -> bool:
    """Whether the pods of an owner are too many to stand one by one: a phone shows three side by side."""
    most = MOST_CARDS if not narrow else 3 if owner or len(by_owner) == 1 else 1
    return len(by_owner[owner]) > most


def _children(owner: str, pods: list[Object], narrow: bool, *, one_card: bool) -> list[str]:
    edge: Callable[[str], str] = lambda to: _owns(owner, to) if owner else ""  # noqa: E731
    if one_card:
        box = _card(owner)
        whose: list[Line] = [] if owner else [("quiet", "no owner")]
        words: list[Line] = [("key", f"{len(pods)} pods"), *whose, *(("quiet", f"{n} {WORDS[s]}") for s, n in _tally(pods))]
        return [f'"{box}" {_attributes(thing("pod", *words))};', edge(box)]
    lines = []
    for pod in pods:
        state = pod_state(pod)
        short = name_of(pod)[-5:] if narrow and owner else _clip(name_of(pod), narrow, pod=bool(owner))
        word = NARROW_WORDS.get(state, WORDS[state]) if narrow else WORDS[state]
        label: list[Line] = [("name", short), ("quiet", word)]
        lines += [f'"{uid_of(pod)}" {_attributes(thing("pod", *label, state=state))};', edge(uid_of(pod))]
    return lines


def _idle(state: ClusterState) -> list[Object]:
    """ReplicaSets that want nothing, when there are two or more: on a narrow picture they share one card."""
    idle = [rs for rs in state.all("ReplicaSet") if not rs["spec"].get("replicas") and not state.owned_by("Pod", rs)]
    return idle if len(idle) > 1 else []


def _owns(owner: str, owned: str) -> str:
    return f'"{owner}" -> "{owned}" {_attributes(relation("owns"))};'


def _clip(name: str, narrow: bool, *, pod: bool = False) -> str:
    parts = name.split("-")
    if pod and len(parts) > 2:
        return f"…-{parts[-1]}"
    return name if len(name) <= (18 if narrow else 28) else f"{name[: 8 if narrow else 14]}…{name[-9:]}"


def _node(obj: Object, kind: str, text: list[Line]) -> str:
    return f'"{uid_of(obj)}" {_attributes(thing(kind, *text))};'


def _tally(pods: list[Object]) -> list[tuple[str, int]]:
    states = [pod_state(p) for p in pods]
    return sorted(((s, states.count(s)) for s in set(states)), key=lambda pair: (pair[0] == "ready", pair[0]))


def _counts(pods: list[Object]) -> str:
    return ", ".join(f"{n} {WORDS[s]}" for s, n in _tally(pods))


def _attributes(pairs: dict[str, str]) -> str:
    escaped = (
        (k, v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") if not v.endswith("\\l") else v) for k, v in pairs.items()
    )
    return "[" + ", ".join(f'{k}="{v}"' for k, v in escaped) + "]"
