"""Chapters 1 to 4: what it is for, and what it is not."""

from __future__ import annotations

import graphviz

from figures.figure import Figure
from shallowdive.diagrams import dot
from shallowdive.diagrams.dot import group, relation, thing


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
)
