"""Draw the book's figures: python tools/make_figures.py [FOLDER], by default book/figures.

Each figure is drawn twice, 640 and 340 px wide; the page shows the one that fits. graphviz-pure lays them out, so that the bytes are
the same on every machine, whatever dot it has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import graphviz

from shallowdive.diagrams import dot
from shallowdive.diagrams.dot import Line, frame, group, relation, thing

DESK_PX, PHONE_PX = 640, 340
PROGRAM = str(Path(sys.executable).with_name("graphviz-pure"))
FOLDER = Path(__file__).parent.parent / "book" / "figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """A claim, the picture that shows it, how to read it, and the same as text."""

    slug: str
    title: str
    source: str
    draw: Callable[[bool], graphviz.Digraph]
    label: str
    read: str
    facts: str


def pod_x_ray(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.12" if phone else "0.9", ranksep="0.34"))
    app: list[Line] = [
        ("quiet", "container"),
        ("name", "app"),
        ("words", "own files"),
        ("words", "own processes"),
        ("words", "limit 64 Mi"),
        ("words", "restarts 1"),
    ]
    reader: list[Line] = [("quiet", "container"), ("name", "reader"), *app[2:4], ("words", "limit 32 Mi"), ("words", "restarts 0")]
    with g.subgraph(name="cluster_pod") as pod:
        pod.attr(**frame("pod", ("key", "Pod flat"), ("quiet", "ready, restarts 1"), state="ready"))
        net: list[Line] = [("key", "one network"), ("words", "IP 10.244.1.2"), ("words", "127.0.0.1 reaches both")]
        pod.node("net", **thing("network", *net, width="2.4" if phone else "4.2"))
        for name, lines in (("app", app), ("reader", reader)):
            pod.node(name, **thing("container", *lines, state="ready"))
            pod.edge("net", name, **relation("joins"))
            pod.edge(name, "pages", **relation("mounts", "mounts"))
        pod.node("pages", **thing("volume", ("quiet", "volume (emptyDir)"), ("name", "pages"), ("words", "shared files")))
    return g


def rollout(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", compound="true", nodesep="0.12", ranksep="0.42"))
    g.node(
        "web",
        **thing(
            "deployment", ("quiet", "Deployment"), ("name", "web"), ("words", "wants 3"), ("words", "strategy: surge 1, unavailable 0")
        ),
    )
    sets = (
        ("old", "6c56c75866", "wants 2, has 2 ready", (("fd7bf", "ready"), ("hb2xf", "ready"))),
        ("new", "bf4876474", "wants 2, has 1 ready", (("8r6v6", "ready"), ("2vwvk", "notready"))),
    )
    for name, template, counts, pods in sets:
        g.node(name, **thing("replicaset", ("quiet", f"{name} ReplicaSet"), ("name", f"web-{template}"), ("words", counts)))
        g.edge("web", name, **relation("owns", "owns" if name == "old" else ""))
        with g.subgraph(name=f"cluster_{name}") as lasso:
            words: list[Line] = (
                [("quiet", "pod-template-hash"), ("name", template)] if phone else [("quiet", f"pod-template-hash={template}")]
            )
            lasso.attr(**group(*words, margin="10"))
            for i, (pod, state) in enumerate(pods):
                lines: list[Line] = [("name", f"…-{pod}"), ("words", "ready" if state == "ready" else "not ready")]
                lasso.node(pod, **thing("pod", *lines, state=state))
                if phone and i:
                    lasso.edge(pods[i - 1][0], pod, style="invis")
        middle = pods[0][0]
        if phone:
            g.edge(name, middle, lhead=f"cluster_{name}", **relation("owns"))
        else:
            for pod, _ in pods:
                g.edge(name, pod, lhead=f"cluster_{name}", **relation("owns"))
    return g


def way_in(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(
        graph_attr=dot.graph(rankdir="TB" if phone else "LR", nodesep="0.2" if phone else "0.36", ranksep="0.5" if phone else "0.42")
    )
    g.node("you", **thing("client", ("quiet", "client"), ("name", "GET /hostname")))
    g.node("ctrl", **thing("controller", ("quiet", "ingress controller"), ("key", "Traefik")))
    g.node("svc", **thing("service", ("quiet", "Service"), ("name", "web"), ("words", "80 → 8080")))
    g.node("ing", **thing("ingress", ("quiet", "Ingress"), ("name", "/hostname → web")))
    with g.subgraph(name="cluster_web") as lasso:
        lasso.attr(**group(("quiet", "selected: app=web"), margin="10"))
        for pod, state in (("8qjxm", "ready"), ("bdknl", "ready"), ("5tfb5", "notready")):
            lasso.node(pod, **thing("pod", ("name", f"…-{pod}"), ("words", "ready" if state == "ready" else "not ready"), state=state))
    with g.subgraph() as beside:
        beside.attr(rank="same")
        beside.node("ing")
        beside.node("you" if phone else "ctrl")
    g.edge("ing", "ctrl", **relation("watches", dir="forward"))
    g.edge("you", "ctrl", **relation("routes"))
    g.edge("ctrl", "svc", **relation("routes"))
    for pod in ("8qjxm", "bdknl"):
        g.edge("svc", pod, headport="n" if phone else "w", **relation("routes"))
    g.edge("8qjxm" if phone else "svc", "5tfb5", style="invis")
    return g


def roles(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="LR" if phone else "TB", nodesep="0.1", ranksep="0.22" if phone else "0.4"))
    g.node("api", **thing("api_server", ("key", "one API")))
    said = (
        ("a", "runs containers", "container platform"),
        ("b", "many small programs", "micro-services"),
        ("c", "two providers", "movable cloud"),
        ("d", "builds tools", "platform to build on"),
    )
    for key, who, what in said:
        g.node(key, **thing("you", ("key", who), ("words", what)))
        g.edge(key, "api", **relation("routes"))
    return g


def between(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.04" if phone else "0.1", ranksep="0.12"))
    rows = ("program", "package", "copies", "way in", "system", "machine")
    offers = (("iaas", "machines" if phone else "rented machines", 5), ("k8s", "Kubernetes", 2), ("paas", "PaaS", 1))
    for key, title, yours in offers:
        with g.subgraph(name=f"cluster_{key}") as offer:
            offer.attr(**group(("key", title), margin="4" if phone else "8"))
            for i, row in enumerate(rows):
                mine = i < yours
                offer.node(f"{key}-{i}", **thing("you" if mine else "controller", ("words", row)))
                if i:
                    offer.edge(f"{key}-{i - 1}", f"{key}-{i}", style="invis")
    return g


def plan_and_loop(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.1" if phone else "0.3", ranksep="0.3"))
    with g.subgraph(name="cluster_plan") as plan:
        plan.attr(**group(("key", "a plan"), margin="8"))
        for name in "ABC":
            plan.node(name, **thing("client", ("key", name), ("words", {"A": "done", "B": "failed", "C": "never"}[name])))
        plan.edge("A", "B", **relation("routes"))
        plan.edge("B", "C", style="invis")
    with g.subgraph(name="cluster_loop") as loop:
        loop.attr(**group(("key", "a loop"), margin="8"))
        loop.node("see", **thing("controller", ("key", "look"), ("words", "what is there?")))
        loop.node("compare", **thing("controller", ("key", "compare"), ("words", "what is wanted?")))
        loop.node("act", **thing("controller", ("key", "act"), ("words", "on the difference")))
        loop.edge("see", "compare", **relation("watches", dir="forward"))
        loop.edge("compare", "act", **relation("watches", dir="forward"))
        loop.edge("act", "see", **relation("watches", dir="forward"))
    return g


def three_ways(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", nodesep="0.1", ranksep="0.18"))
    programs = ("shop", "bills")
    ways = (  # whose libraries, whose kernel: one for both, or one each
        ("one host", "client", ("both",), ("both",)),
        ("virtual machines", "client", programs, programs),
        ("containers", "container", programs, ("both",)),
    )
    above = ""
    for title, kind, libraries, kernels in ways:
        with g.subgraph(name=f"cluster_{title}") as way:
            way.attr(**group(("key", title), margin="8"))
            for owner in libraries:
                way.node(f"{title} libraries {owner}", **thing("client", ("words", "libraries")))
            for owner in kernels:
                way.node(f"{title} kernel {owner}", **thing("node", ("words", "a kernel each" if owner in programs else "one kernel")))
            for name in programs:
                way.node(f"{title} {name}", **thing(kind, ("key", name)))
                own = f"{title} libraries {name if name in libraries else 'both'}"
                below = f"{title} kernel {name if name in kernels else 'both'}"
                way.edge(f"{title} {name}", own, **relation("joins"))
                if name in libraries or name == programs[0]:
                    way.edge(own, below, **relation("joins"))
        if phone and above:
            g.edge(above, f"{title} shop", style="invis")
        above = f"{title} kernel {kernels[0]}"
    return g


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


def from_pod_to_disk(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB" if phone else "LR", nodesep="0.2", ranksep="0.34" if phone else "0.3"))
    g.node("pod", **thing("pod", ("name", "guestbook-…"), ("words", "ready"), state="ready"))
    g.node("claim", **thing("claim", ("quiet", "claim"), ("name", "book"), ("words", "16Mi")))
    g.node("volume", **thing("volume", ("quiet", "volume"), ("name", "pvc-a97e…")))
    g.node("node", **thing("node", ("key", "worker"), ("words", "its folder")))
    g.node("class", **thing("configmap", ("quiet", "StorageClass"), ("name", "standard")))
    g.edge("pod", "claim", **relation("mounts", "names"))
    g.edge("claim", "volume", **relation("joins", "bound"))
    g.edge("volume", "node", **relation("joins", "on"))
    g.edge("class", "volume", **relation("watches", "makes", dir="forward"))
    if not phone:
        with g.subgraph() as beside:
            beside.attr(rank="same")
            beside.node("class")
            beside.node("claim")
    return g


def layers(phone: bool) -> graphviz.Digraph:
    g = graphviz.Digraph(graph_attr=dot.graph(rankdir="TB", compound="true", nodesep="0.16", ranksep="0.3"))
    with g.subgraph(name="cluster_pod") as pod:
        pod.attr(**frame("pod", ("key", "Pod"), state="ready"))
        for name in ("one", "two"):
            lines: list[Line] = [("quiet", "container"), ("name", name), ("words", "own thin layer")]
            pod.node(name, **thing("container", *lines, state="ready"))
    with g.subgraph(name="cluster_image") as image:
        image.attr(**group(("quiet", "image, there once"), margin="10"))
        last = ""
        for key, words in (("program", "the program"), ("libraries", "libraries"), ("base", "a small system")):
            image.node(key, **thing("volume", ("quiet", "layer"), ("words", words)))
            if last:
                image.edge(last, key, style="invis")
            last = key
    for name in ("one", "two"):
        g.edge(name, "program", lhead="cluster_image", **relation("joins", "" if phone or name == "two" else "starts from"))
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
        "01-what-is-kubernetes",
        "Four roles, and one way to say it",
        "drawn by hand",
        roles,
        "Four people use one API: one runs containers, one has many small programs, one has two providers, one builds tools.",
        "Each of them sees something else in it. All of them write the same kind of description.",
        "One API in the middle. Who runs containers sees a container platform. Who has many small programs sees a platform for "
        "micro-services. Who has two providers sees a cloud that can be moved. Who builds tools sees a platform to build on.",
    ),
    Figure(
        "02-why-kubernetes",
        "Who sees to what",
        "drawn by hand",
        between,
        "Six rows from program to machine. With rented machines you see to all but the machine. With Kubernetes you see to program and "
        "package. With a PaaS you see to the program.",
        "Plain words: you see to it. Round: somebody else does. On a cluster of your own, the last two are yours as well.",
        "Six things have to be seen to: program, package, copies, way in, system, machine. With rented machines five are yours. With "
        "Kubernetes you hand in program and package. With a PaaS you hand in the program.",
    ),
    Figure(
        "03-what-it-is-not",
        "A plan stops where it fails; a loop looks again",
        "drawn by hand",
        plan_and_loop,
        "A plan with three steps: A is done, B failed, C never began. Beside it a loop: look, compare, act, and look again.",
        "The plan has one way. The loop has none: it begins from whatever is there.",
        "On the left a plan: step A was done, step B failed, step C was never begun. On the right a loop: it looks at what is there, "
        "compares it with what is wanted, acts on the difference, and looks again.",
    ),
    Figure(
        "04-why-containers",
        "What two programs share, in three ways",
        "drawn by hand",
        three_ways,
        "On one host two programs share libraries and kernel. In virtual machines each has its own libraries and its own kernel. In "
        "containers each has its own libraries, and the kernel is shared.",
        "Where two lines meet, something is shared. Containers share the kernel and nothing else.",
        "One host: shop and bills use the same libraries and the same kernel. Virtual machines: each has its own libraries and its own "
        "kernel. Containers: each has its own libraries, and both use one kernel.",
    ),
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
    Figure(
        "09-persistent-volumes",
        "Four things in a row, and two of them are yours",
        "drawn after a run on kind",
        from_pod_to_disk,
        "Pod guestbook names the claim book of 16Mi. The claim is bound to a volume, which lies in a folder of node worker. The "
        "StorageClass standard made the volume.",
        "You write the pod and the claim. The class makes the volume, and the volume says on which node its data lie.",
        "The pod guestbook is ready and names the claim book, which wants 16Mi. The claim is bound to a volume. The StorageClass standard "
        "has made that volume for it. The volume lies in a folder on node worker, so the pod can run on that node only.",
    ),
    Figure(
        "10-containers",
        "Two containers, one image, and a thin layer each",
        "drawn by hand",
        layers,
        "A pod with two containers, one and two. Both start from the same image, whose layers are there once: the program, libraries, a "
        "small system. Each container has a thin layer of its own.",
        "What lies in the dashed box is shared and never changed. What a container writes goes into its own layer, and is lost with it.",
        "An image has three layers: the program, libraries, a small system. They are on the node once. Two containers, one and two, were "
        "started from it. Each has a thin layer of its own for what it writes. Both are in one pod.",
    ),
    Figure(
        "11-pod",
        "Two containers share one address and one volume",
        "drawn from a run on kind",
        pod_x_ray,
        "Pod flat, ready. Containers app and reader share one IP, 10.244.1.2, and one volume, pages. Files, processes, limit and "
        "restarts are each one's own.",
        "What lies between the containers is shared. What is written inside a container is its own.",
        "Pod flat has one IP, 10.244.1.2. Both containers reach each other at 127.0.0.1. Both mount the emptyDir volume pages. "
        "Container app has a memory "
        "limit of 64 Mi and restarted once. Container reader has a limit of 32 Mi and never restarted. The pod's restarts are the sum: 1.",
    ),
    Figure(
        "12-deployment",
        "A rollout is two counts that move in opposite directions",
        "drawn after a run on kind",
        rollout,
        "Deployment web wants 3 and owns two ReplicaSets. The old one has 2 ready pods. The new one has 1 ready pod and 1 not "
        "ready. Three are ready in all.",
        "Solid lines: owns. Dashed: selected by label. The Deployment touches no pod; it changes the two numbers on the ReplicaSets.",
        "Deployment web wants 3 pods, may have 4 for a while and never fewer than 3 ready. The old ReplicaSet wants 2 and has 2 "
        "ready. The new one wants 2: "
        "one is ready, one is running and not ready. As soon as that one is ready, the old ReplicaSet's number becomes 1.",
    ),
    Figure(
        "13-ingress",
        "Two pods get the request; the third runs and is not asked",
        "drawn from a run on kind",
        way_in,
        "A client asks the ingress controller Traefik, which has read the Ingress. It uses the Service web, which stands for two "
        "ready pods. A third pod runs, is not ready and gets nothing.",
        "Green: the way of the request. Dotted: what the controller reads. The Ingress is on no green line: nothing travels through it.",
        "The client's GET /hostname reaches the ingress controller. The controller read the Ingress, which says that /hostname belongs to "
        "Service web. The Service selects three "
        "pods by the label app=web. Two are ready and get requests. One is running, not ready, and gets none.",
    ),
)


KINDS = (
    (
        thing("deployment", ("quiet", "Deployment"), ("name", "web")),
        "a record that the cluster keeps; doubled: it manages other records",
    ),
    (thing("replicaset", ("quiet", "ReplicaSet"), ("name", "web-6c56c75866")), "a record"),
    (thing("ingress", ("quiet", "Ingress"), ("name", "/ → web")), "a record that points the way"),
    (thing("pod", ("name", "…-8qjxm"), ("words", "ready"), state="ready"), "a pod, full tile: it gets requests"),
    (thing("pod", ("name", "…-5tfb5"), ("words", "not ready"), state="notready"), "a pod, half full: it runs and gets none"),
    (thing("pod", ("name", "…-zjdvg"), ("words", "pending"), state="pending"), "a pod, hollow and dashed: it waits"),
    (thing("container", ("quiet", "container"), ("name", "app"), state="ready"), "a container, with the ribs of a shipping container"),
    (thing("service", ("quiet", "Service"), ("name", "web")), "one steady name in front of changing pods"),
    (thing("controller", ("quiet", "controller"), ("key", "Traefik")), "a program that watches, compares and acts"),
    (thing("volume", ("quiet", "volume"), ("name", "pages")), "files that outlive a container"),
)
LINES = (
    (relation("owns"), "owns"),
    (relation("selects"), "dashed: selects by label"),
    (relation("mounts"), "mounts"),
    (relation("routes"), "the way of a request"),
    (relation("watches", dir="forward"), "reads, or watches"),
)


def legend() -> str:
    """One tiny picture for each kind and each relation, with its meaning."""
    items = []
    for attributes, words in KINDS:
        g = graphviz.Digraph(graph_attr=dot.graph(pad="0.03"))
        g.node("it", **attributes)
        items.append((g, words))
    for attributes, words in LINES:
        g = graphviz.Digraph(graph_attr=dot.graph(pad="0.03", rankdir="LR", ranksep="0.8"))
        for end in ("from", "to"):
            g.node(end, shape="point", width="0.01", height="0.2", style="invis")
        g.edge("from", "to", **attributes)
        items.append((g, words))
    cells = [f"<div>{dot.render(g.source, label=words, program=PROGRAM)}<span>{escape(words)}</span></div>" for g, words in items]
    return "\n".join(['<figure class="sd sd-key" id="figure-legend">', *cells, "</figure>", ""])


def picture(figure: Figure, phone: bool) -> str:
    svg = dot.render(figure.draw(phone).source, label=figure.label, program=PROGRAM)
    room = PHONE_PX if phone else DESK_PX
    if dot.size_px(svg)[0] > room:
        raise SystemExit(f"{figure.slug}: {dot.size_px(svg)[0]:g} px wide, the page has {room}")
    return svg


def page(figure: Figure) -> str:
    desk, phone = picture(figure, False), picture(figure, True)
    return f"""<figure class="sd" id="figure-{figure.slug}">
<header><div class="sd-title">{escape(figure.title)}</div><span class="sd-source">{escape(figure.source)}</span></header>
<div class="sd-desk">{desk}</div>
<div class="sd-phone">{phone}</div>
<div class="sd-read">{escape(figure.read)}</div>
<details><summary>The same as text</summary><p>{escape(figure.facts)}</p></details>
</figure>
"""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "legend.html").write_text(legend(), encoding="utf-8", newline="\n")
    for figure in FIGURES:
        (folder / f"{figure.slug}.html").write_text(page(figure), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
