"""`{replay} ../labs/traces/12-deployment.json`: a piece of a recording that the reader predicts, plays and scrubs.

The argument is the recording, from the page's folder. Options: `:title:`, `:from:`, `:to:` and `:act:` (names of cells of the lab; without
`:act:` the act is the first cell), `:question:`, `:answers:` (numbers of ready pods), `:after:` (seconds after the act that the question
is about). The body, plain words, says why; it is shown when the moment has passed. Script and style are loaded by pages that need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from shallowdive.errors import ShallowDiveError
from shallowdive.live import recording
from shallowdive.views import replay


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(","))


class Replay(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(("title", "from", "to", "act", "question"), directives.unchanged_required),
        "answers": numbers,
        "after": float,
    }

    def run(self) -> list[nodes.Node]:
        _, file = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(file)
        o = self.options
        missing = [name for name in ("title", "from", "to", "question", "answers", "after") if name not in o]
        if missing:
            raise self.error(f"replay needs {', '.join(missing)}")
        try:
            kept = recording.read(Path(file))
            scene = replay.scene_of(
                kept, o["title"], o["question"], o["answers"],
                start=o["from"], until=o["to"], act=o.get("act", o["from"]), after_s=o["after"], why=" ".join(self.content),
            )  # fmt: skip
        except (ShallowDiveError, OSError) as exc:
            raise self.error(f"replay {self.arguments[0]}: {exc}") from exc
        self.env.metadata[self.env.docname]["replay"] = True
        return [nodes.raw("", replay.html(kept, scene), format="html")]


def load_player(app: Sphinx, pagename: str, *_: object) -> None:
    if app.env.metadata.get(pagename, {}).get("replay"):
        app.add_js_file("replay.js", loading_method="defer")
        app.add_css_file("replay.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("replay", Replay)
    app.connect("html-page-context", load_player)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
