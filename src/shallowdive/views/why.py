"""An explanation in the frame that every view has: the causes in order, each with what it rests on, the field and the command."""

from __future__ import annotations

from html import escape

from shallowdive.explain import Explanation, fragment


def html(seen: Explanation, backend: str) -> tuple[str, str, str]:
    """Title, frame and text twin, ready to be shown."""
    title = "Why"
    head = f'<header><div class="sd-title">{escape(title)}</div><span class="sd-source">asked now, {escape(backend)}</span></header>'
    text = f"<details><summary>The same as text</summary><pre>{escape(str(seen))}</pre></details>"
    return title, f'<figure class="sd">{head}{fragment(seen)}{text}</figure>', str(seen)
