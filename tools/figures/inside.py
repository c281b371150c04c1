"""Chapters 5 to 8: the control plane, objects, nodes and the cluster."""

from __future__ import annotations

import graphviz

from figures.figure import Figure
from shallowdive.diagrams import dot
from shallowdive.diagrams.dot import Line, frame, group, relation, thing


def who_watches(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.08" if phone else "0.2", ranksep="0.5"))
    g.node("you", **thing("you", ("name", "kubectl"), ("words", "wants 3")))
    g.node("api", **thing("api_server", ("key", "API server"), ("words", "HTTP")))
    g.node("etcd", **thing("etcd", ("name", "etcd"), ("words", "all records")))
    parts: dict[str, list[Line]] = {
        "manager": [("key", "controllers" if phone else "controller manager"), ("words", "compares and writes")],
        "sched": [("key", "scheduler"), ("words", "gives a pod a node")],
        "kubelet": [("key", "kubelet"), ("words", "starts containers")],
    }
    g.edge("you", "api", **relation("routes"))
    g.edge("api", "etcd", **relation("joins"))
    for key, lines in parts.items():
        g.node(key, **thing("controller", *(lines[:1] if phone else lines)))
        g.edge("api", key, **relation("watches", dir="both"))
    with g.subgraph() as beside:
        beside.attr(rank="same")
        beside.node("api")
        beside.node("etcd")
    return g


def belonging(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", compound="true", nodesep="0.08" if phone else "0.14", ranksep="0.36"))
    g.node("web", **thing("deployment", ("quiet", "Deployment"), ("name", "web")))
    g.node("set", **thing("replicaset", ("quiet", "ReplicaSet"), ("words", "wants 3, has 3")))
    g.edge("web", "set", **relation("owns", "owns"))
    with g.subgraph(name="cluster_web") as lasso:
        lasso.attr(**group(("quiet", "selected: app=web"), margin="8"))
        for pod in ("7nsnc", "r987g", "zqqg5"):
            lasso.node(pod, **thing("pod", ("name", pod if phone else f"…-{pod}"), state="ready"))
    g.node("fjbc4", **thing("pod", ("name", "fjbc4" if phone else "…-fjbc4"), ("words", "no owner"), state="ready"))
    for pod in ("7nsnc", "r987g", "zqqg5"):
        g.edge("set", pod, lhead="cluster_web", **relation("owns"))
    if phone:
        g.edge("r987g", "fjbc4", style="invis")
    else:
        g.edge("set", "fjbc4", style="invis")
    return g


def bins(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.1", ranksep="0.3"))
    machines = (
        ("worker", "2000m allocatable", "others: 85m", "gap: 415m"),
        ("worker2", "2000m allocatable", "others: 20m", "gap: 480m"),
    )
    g.node("waits", **thing("pod", ("name", "boxes-…"), ("words", "requests 500m"), state="pending"))
    for name, has, others, gap in machines:
        with g.subgraph(name=f"cluster_{name}") as machine:
            machine.attr(**frame("node", ("key", name), ("quiet", has)))
            machine.node(f"{name}-others", **thing("pod", ("words", others), state="ready"))
            last = f"{name}-others"
            for i in range(3):
                box = f"{name}-{i}"
                machine.node(box, **thing("pod", ("name", "boxes-…"), ("words", "500m" if phone else "requests 500m"), state="ready"))
                machine.edge(last, box, style="invis")
                last = box
            machine.node(f"{name}-gap", **thing("client", ("key", gap), ("words", "too narrow")))
            machine.edge(last, f"{name}-gap", style="invis")
        g.edge("waits", f"{name}-others", style="invis")
    return g


def node_loss(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", compound="true", nodesep="0.14", ranksep="0.4"))
    watchers: dict[str, list[Line]] = {
        "sched": [("key", "scheduler"), ("words", "places new pods")],
        "nodes": [("key", "node controller"), ("words", "waits for a lease")],
    }
    for part, said in watchers.items():
        g.node(part, **thing("controller", *said[: 1 if phone else 2]))
    machines = (
        (
            "here",
            "worker",
            "lease: 4 s ago",
            "ready",
            (("8pqk5", "quick", "ready"), ("dmzrq", "patient", "ready"), ("vx4g8", "quick", "ready")),
        ),
        ("dark", "worker2", "lease: 63 s ago", "failed", (("8l9mh", "quick", "terminating"), ("2kws9", "patient", "notready"))),
    )
    for key, name, lease, state, pods in machines:
        with g.subgraph(name=f"cluster_{key}") as machine:
            head: list[Line] = [("key", name), ("quiet", lease)]
            if key == "dark":
                head.append(("words", "taint: unreachable"))
            machine.attr(**frame("node", *head, state=state))
            for i, (pod, whose, of) in enumerate(pods):
                words = {"ready": "ready", "terminating": "terminating", "notready": "not ready"}[of]
                machine.node(
                    pod,
                    **thing(
                        "pod",
                        ("name", whose if phone else f"{whose}-{pod}"),
                        ("words", f"new, {words}" if pod == "vx4g8" else words),
                        state=of,
                    ),
                )
                if i:
                    machine.edge(pods[i - 1][0], pod, style="invis")
    g.edge("sched", "8pqk5", lhead="cluster_here", **relation("schedules"))
    g.edge("nodes", "8l9mh", lhead="cluster_dark", **relation("watches", dir="forward"))
    return g


FIGURES = (
    Figure(
        "05-architecture",
        "Every arrow begins or ends at the API server",
        "drawn after a run on kind",
        who_watches,
        "You ask the API server. It alone talks to etcd. Controller manager, scheduler and kubelet watch it and write to it; none of them "
        "is joined to another.",
        "Green: your request. Dotted: watches, and what the watcher writes back. No line joins two of the parts below.",
        "You send your wish for 3 to the API server by HTTP. The API server keeps it in etcd, and nobody else talks to etcd. Three "
        "programs watch the API server and write back to it. The controller manager compares and makes records. The scheduler gives a pod "
        "a node. The kubelet of that node starts the containers. They do not know each other.",
    ),
    Figure(
        "06-resource-model",
        "A pod belongs by its label and by its owner",
        "drawn after a run on kind",
        belonging,
        "Deployment web owns a ReplicaSet, which wants and has three pods. They carry app=web and name it as their owner. A fourth pod "
        "carries another label and has no owner.",
        "Solid: owns. Dashed: selected by label. The pod outside is ready, and nobody counts it.",
        "The Deployment web owns one ReplicaSet. The ReplicaSet wants 3 pods and owns 3, which carry the label app=web and are ready. A "
        "fourth pod, fjbc4, has another label and no owner. It is ready too, and nobody counts it.",
    ),
    Figure(
        "07-node",
        "Two gaps, and neither is wide enough",
        "drawn after a run on kind",
        bins,
        "Two nodes with 2000m of CPU each. On each are a little of kube-system and three boxes of 500m. The gaps are 415m and 480m wide. "
        "One more box of 500m waits.",
        "Full: it requests and runs, and most of these sleep. Dashed: it waits, though the two gaps together would be wide enough.",
        "Node worker has 2000m of CPU for pods. Programs of the cluster request 85m, three boxes 500m each, and 415m are left. Node "
        "worker2 has 2000m, others request 20m, three boxes 500m each, and 480m are left. A further box requests 500m and waits: neither "
        "gap is wide enough, and gaps on two nodes do not add up.",
    ),
    Figure(
        "08-cluster",
        "Whoever was in a hurry is made again elsewhere",
        "drawn after a run on kind",
        node_loss,
        "Node worker is ready and runs three pods, one of them new. Node worker2 has not renewed its lease for 63 s and carries a taint. "
        "Its pod of quick is terminating, its pod of patient is not ready.",
        "The old pod of quick did not travel: it is still on the dark node. The new one has another name.",
        "63 seconds after worker2 lost its power. The node controller has seen no lease for too long and has written the taint unreachable "
        "on the node. The pod quick-8l9mh, which tolerates the taint for 10 s, is terminating there. The scheduler has placed a new one, "
        "quick-vx4g8, on worker, beside quick-8pqk5 and patient-dmzrq. The pod patient-2kws9 tolerates 300 s and waits on the dark node.",
    ),
)
