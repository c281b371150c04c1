"""Chapters 9 to 13: from a disk to the way in."""

from __future__ import annotations

import graphviz

from figures.figure import Figure
from shallowdive.diagrams import dot
from shallowdive.diagrams.dot import Line, frame, group, relation, thing


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


FIGURES = (
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
