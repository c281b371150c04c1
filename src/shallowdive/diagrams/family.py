"""The family tree of a namespace as DOT: who owns whom (solid), what a Service or ReplicaSet selects by label (dashed).

Pure: a `ClusterState` in, DOT source and the same facts in words out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from shallowdive.diagrams.dot import Line, graph, group, relation, thing
from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, is_helper, labels_of, name_of, selects, uid_of
from shallowdive.objects.pods import pod_state

MOST_CARDS = 8
MOST_THINGS, MOST_TOLD = 80, 60
"""More cards than this nobody reads, and they take too long to lay out; so many owners stand in the text."""
Kid = tuple[Object, str]
"""A pod and its state."""
WELL = ("ready", "succeeded")
WORDS = {
    "pending": "Pending", "pulling": "starting", "notready": "running, not ready", "ready": "ready", "terminating": "terminating",
    "failed": "failed", "backoff": "back-off", "unknown": "unknown", "succeeded": "succeeded",
}  # fmt: skip

NARROW_WORDS = {"notready": "not ready", "terminating": "ending"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A namespace in which every pod was looked at once. `pods`: by UID of the owner, with their state, helpers left out;
    `owned`: all of them, counted by state."""

    deployments: list[Object]
    sets: list[Object]
    pods: dict[str, list[Kid]]
    owned: dict[str, Counter[str]]
    carriers: dict[tuple[str, str], list[tuple[str, Object]]]
    """Pods by each label that they carry, with their owner."""

    @property
    def idle(self) -> list[Object]:
        """ReplicaSets that want nothing, when there are two or more: on a narrow picture they share one card."""
        idle = [rs for rs in self.sets if not rs["spec"].get("replicas") and not self.owned.get(uid_of(rs))]
        return idle if len(idle) > 1 else []


def read(state: ClusterState) -> Tree:
    tree = Tree(state.all("Deployment"), state.all("ReplicaSet"), {}, {}, {})
    for pod in state.all("Pod"):
        owner, now = controller_uid(pod), pod_state(pod)
        tree.owned.setdefault(owner, Counter())[now] += 1
        if not is_helper(pod):
            tree.pods.setdefault(owner, []).append((pod, now))
            for label in labels_of(pod).items():
                tree.carriers.setdefault(label, []).append((owner, pod))
    return tree


def family_dot(seen: ClusterState | Tree, *, narrow: bool = False) -> str:
    """DOT of every Deployment, ReplicaSet and pod; old empty ReplicaSets stay, because a rollback goes back to them.

    Of more than MOST_THINGS the newest families and those with trouble are drawn, the others are one card of each kind."""
    tree, rest = fewer(seen if isinstance(seen, Tree) else read(seen), narrow)
    lines = [f"graph {_attributes(graph(rankdir='TB', nodesep='0.08' if narrow else '0.25'))};"]
    lines += _others(rest) if rest else []  # at the left, where the reader begins
    for deployment in tree.deployments:
        wants = int(deployment["spec"].get("replicas") or 0)
        lines.append(
            _node(
                deployment,
                "deployment",
                [("words", "Deployment"), ("name", _clip(name_of(deployment), narrow)), ("quiet", f"wants {wants}")],
            )
        )
    idle = tree.idle if narrow else []
    together = {uid_of(rs) for rs in idle}
    for rs in tree.sets:
        if uid_of(rs) in together:
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
    if idle:
        lines.append(
            f'"idle" {_attributes(thing("replicaset", ("words", f"{len(idle)} older"), ("words", "ReplicaSets"), ("quiet", "want 0")))};'
        )
        lines += sorted({_owns(controller_uid(rs), "idle") for rs in idle if controller_uid(rs)})
    for owner, children in tree.pods.items():
        lines += _children(owner, children, narrow, one_card=_is_one_card(owner, tree.pods, narrow))
    lines += _selections(tree, lambda owner: _is_one_card(owner, tree.pods, narrow))
    return "digraph {\n" + "\n".join(lines) + "\n}"


def fewer(tree: Tree, narrow: bool) -> tuple[Tree, Tree | None]:
    """What is drawn thing by thing, and what is only counted. A family is a Deployment or a ReplicaSet without one, with all below it."""
    things = len(tree.deployments) + len(tree.sets) + sum(_cards(owner, tree.pods, narrow) for owner in tree.pods)
    if things <= MOST_THINGS:
        return tree, None
    root = {uid_of(rs): controller_uid(rs) or uid_of(rs) for rs in tree.sets}
    size, ill = Counter[str](), set[str]()
    for obj in (*tree.deployments, *tree.sets):
        size[root.get(uid_of(obj), uid_of(obj))] += 1
    for owner, kids in tree.pods.items():
        size[root.get(owner, owner)] += _cards(owner, tree.pods, narrow)
        ill |= {root.get(owner, owner)} if any(now not in WELL for _, now in kids) else set()
    newest_first = list(reversed(size))
    shown, left = set[str](), MOST_THINGS
    for family in sorted(newest_first, key=lambda f: f not in ill):
        if size[family] <= left:
            shown.add(family)
            left -= size[family]
    return _part(tree, root, shown), _part(tree, root, set(size) - shown)


def _part(tree: Tree, root: dict[str, str], families: set[str]) -> Tree:
    def inside(uid: str) -> bool:
        return root.get(uid, uid) in families

    return Tree(
        [d for d in tree.deployments if inside(uid_of(d))],
        [rs for rs in tree.sets if inside(uid_of(rs))],
        {owner: kids for owner, kids in tree.pods.items() if inside(owner)},
        tree.owned,
        {label: [(o, p) for o, p in pods if inside(o)] for label, pods in tree.carriers.items()},
    )


def _others(rest: Tree) -> list[str]:
    """One card of each kind for what is only counted."""
    kids = [kid for children in rest.pods.values() for kid in children]
    cards: list[tuple[str, str, list[Line]]] = []
    if rest.deployments:
        cards.append(("deployment", "other-deployments", [("key", f"{len(rest.deployments)} more"), ("words", "Deployments")]))
    if rest.sets:
        cards.append(("replicaset", "other-sets", [("key", f"{len(rest.sets)} more"), ("words", "ReplicaSets")]))
    if kids:
        cards.append(("pod", "other-pods", [("key", f"{len(kids)} more pods"), *(("quiet", f"{n} {WORDS[s]}") for s, n in _tally(kids))]))
    lines = [f'"{box}" {_attributes(thing(kind, *words))};' for kind, box, words in cards]
    return lines + [_owns(above[1], below[1]) for above, below in pairwise(cards)]


def in_words(seen: ClusterState | Tree) -> str:
    """The facts of the tree, owner by owner."""
    tree = seen if isinstance(seen, Tree) else read(seen)
    said = []
    for rs in tree.sets[:MOST_TOLD]:
        owned = tree.owned.get(uid_of(rs), Counter())
        counts = ", ".join(f"{n} {WORDS[s]}" for s, n in _sorted(owned))
        said.append(
            f"ReplicaSet {name_of(rs)} wants {rs['spec'].get('replicas', 0)} and owns {owned.total()}" + (f": {counts}" if counts else "")
        )
    said += _more(len(tree.sets) - MOST_TOLD, "ReplicaSet")
    for deployment in tree.deployments[:MOST_TOLD]:
        chosen = _carrying(tree, _wanted_labels(deployment))
        if chosen:
            said.append(f"Deployment {name_of(deployment)} selects {_label_words(deployment)}: {len(chosen)} pods carry it")
    said += _more(len(tree.deployments) - MOST_TOLD, "Deployment")
    orphans = tree.pods.get("", [])
    said += [f"pod {name_of(p)} has no owner and is {WORDS[now]}" for p, now in orphans[:MOST_TOLD]]
    said += _more(len(orphans) - MOST_TOLD, "pod", " without an owner")
    return (
        ". ".join(said) + "." if said else "No pods and no ReplicaSets yet. Run the cell that makes them; they appear here by themselves."
    )


def _more(n: int, what: str, which: str = "") -> list[str]:
    return [f"{n} more {what}{'s' if n > 1 else ''}{which}"] if n > 0 else []


def states_in(seen: ClusterState | Tree) -> list[str]:
    tree = seen if isinstance(seen, Tree) else read(seen)
    return sorted({now for counted in tree.owned.values() for now in counted})


def _wanted_labels(deployment: Object) -> dict[str, str]:
    return (deployment["spec"].get("selector") or {}).get("matchLabels") or {}


def _label_words(deployment: Object) -> str:
    return ", ".join(f"{k}={v}" for k, v in _wanted_labels(deployment).items())


def _carrying(tree: Tree, labels: dict[str, str]) -> list[tuple[str, Object]]:
    """(owner, pod) of each pod with all these labels; none for no labels."""
    first = next(iter(labels.items()), None)
    return [(owner, p) for owner, p in tree.carriers.get(first, []) if selects(labels, p)] if first else []


def _selections(tree: Tree, is_one_card: Callable[[str], bool]) -> list[str]:
    """A dashed lasso round the pods that carry the labels a Deployment selects. A card of several pods is inside when all of them are."""
    lines, taken = [], set[str]()
    order = {owner: i for i, owner in enumerate(tree.pods)}
    for deployment in tree.deployments:
        chosen: dict[str, list[str]] = {}
        for owner, pod in _carrying(tree, _wanted_labels(deployment)):
            if uid_of(pod) not in taken:
                chosen.setdefault(owner, []).append(uid_of(pod))
        inside = []
        for owner, uids in sorted(chosen.items(), key=lambda pair: order[pair[0]]):
            if not is_one_card(owner):
                inside += sorted(uids)
            elif len(uids) == len(tree.pods[owner]):
                inside.append(_card(owner))
        if inside:
            look = group(("quiet", f"selected: {_label_words(deployment)}"), margin="8")
            nodes = " ".join(f'"{uid}";' for uid in inside)
            lines.append(f'subgraph "cluster_{uid_of(deployment)}" {{ graph {_attributes(look)}; {nodes} }}')
            taken |= {uid for uids in chosen.values() for uid in uids}
    return lines


def _card(owner: str) -> str:
    return f"many-{owner or 'orphans'}"


def _is_one_card(owner: str, by_owner: dict[str, list[Kid]], narrow: bool) -> bool:
    """Whether the pods of an owner are too many to stand one by one: a phone shows three side by side."""
    most = MOST_CARDS if not narrow else 3 if owner or len(by_owner) == 1 else 1
    return len(by_owner[owner]) > most


def _cards(owner: str, by_owner: dict[str, list[Kid]], narrow: bool) -> int:
    return 1 if _is_one_card(owner, by_owner, narrow) else len(by_owner[owner])


def _children(owner: str, pods: list[Kid], narrow: bool, *, one_card: bool) -> list[str]:
    edge: Callable[[str], str] = lambda to: _owns(owner, to) if owner else ""  # noqa: E731
    if one_card:
        box = _card(owner)
        whose: list[Line] = [] if owner else [("quiet", "no owner")]
        words: list[Line] = [("key", f"{len(pods)} pods"), *whose, *(("quiet", f"{n} {WORDS[s]}") for s, n in _tally(pods))]
        return [f'"{box}" {_attributes(thing("pod", *words))};', edge(box)]
    lines = []
    for pod, now in pods:
        short = name_of(pod)[-5:] if narrow and owner else _clip(name_of(pod), narrow, pod=bool(owner))
        word = NARROW_WORDS.get(now, WORDS[now]) if narrow else WORDS[now]
        label: list[Line] = [("name", short), ("quiet", word)]
        lines += [f'"{uid_of(pod)}" {_attributes(thing("pod", *label, state=now))};', edge(uid_of(pod))]
    return lines


def _owns(owner: str, owned: str) -> str:
    return f'"{owner}" -> "{owned}" {_attributes(relation("owns"))};'


def _clip(name: str, narrow: bool, *, pod: bool = False) -> str:
    parts = name.split("-")
    if pod and len(parts) > 2:
        return f"…-{parts[-1]}"
    return name if len(name) <= (18 if narrow else 28) else f"{name[: 8 if narrow else 14]}…{name[-9:]}"


def _node(obj: Object, kind: str, text: list[Line]) -> str:
    return f'"{uid_of(obj)}" {_attributes(thing(kind, *text))};'


def _tally(pods: list[Kid]) -> list[tuple[str, int]]:
    return _sorted(Counter(now for _, now in pods))


def _sorted(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda pair: (pair[0] == "ready", pair[0]))


def _attributes(pairs: dict[str, str]) -> str:
    escaped = (
        (k, v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") if not v.endswith("\\l") else v) for k, v in pairs.items()
    )
    return "[" + ", ".join(f'{k}="{v}"' for k, v in escaped) + "]"
