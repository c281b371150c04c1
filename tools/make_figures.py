"""Draw the book's figures: python tools/make_figures.py [FOLDER], by default book/figures.

Each figure is drawn twice, 640 and 340 px wide; the page shows the one that fits. graphviz-pure lays them out, so that the bytes are
the same on every machine, whatever dot it has."""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

import graphviz
from figures import inside, why, workloads
from figures.figure import Figure

from shallowdive.diagrams import dot
from shallowdive.diagrams.dot import relation, thing

DESK_PX, PHONE_PX = 640, 340
PROGRAM = str(Path(sys.executable).with_name("graphviz-pure"))
FOLDER = Path(__file__).parent.parent / "book" / "figures"

FIGURES = (*why.FIGURES, *inside.FIGURES, *workloads.FIGURES)


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
