"""An explanation as an HTML fragment for a view's frame; everything from the cluster is escaped. The text twin is `str(explanation)`."""

from __future__ import annotations

from html import escape

from shallowdive.explain.finding import LIKELY, NORMAL, Explanation, Finding

STYLE_CLASS = {NORMAL: "sd-note sd-waits", LIKELY: "sd-note sd-likely"}


def fragment(explanation: Explanation) -> str:
    parts = "".join(f"<li>{_finding(f)}</li>" for f in explanation.findings)
    look = f"<p>Look at: <code>{escape(explanation.look)}</code></p>" if explanation.look and not explanation.findings else ""
    return f'<div class="sd-explain"><b>{escape(explanation.head)}</b>{f"<ol>{parts}</ol>" if parts else ""}{look}</div>'


def _finding(f: Finding) -> str:
    rows = [("Seen", f.evidence)]
    if not f.normal and f.field:
        rows.append(("Change", f.change))
    rows.append(("Look at", f.look))
    body = "".join(f"<dt>{name}</dt><dd><code>{escape(text)}</code></dd>" for name, text in rows if text)
    likely = " <i>Likely, not certain.</i>" if f.certainty == LIKELY else ""
    css = STYLE_CLASS.get(f.certainty, "sd-note")
    return f'<div class="{css}"><b>{escape(f.about)}:</b> {escape(f.says)}{likely}<dl>{body}</dl></div>'
