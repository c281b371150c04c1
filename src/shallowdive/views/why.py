"""An explanation in the frame that every view has: the causes in order, each with what it rests on, the field and the command."""

from __future__ import annotations

from html import escape

from shallowdive.explain import Explanation, Finding, explain, fragment
from shallowdive.live import ClusterState
from shallowdive.objects import is_helper, name_of
from shallowdive.objects.pods import pod_state

BROKEN = ("backoff", "failed", "pending", "notready")
MOST_ASKED = 3


def html(seen: Explanation, backend: str) -> tuple[str, str, str]:
    """Title, frame and text twin, ready to be shown."""
    title = "Why"
    head = f'<header><div class="sd-title">{escape(title)}</div><span class="sd-source">asked now, {escape(backend)}</span></header>'
    text = f"<details><summary>The same as text</summary><pre>{escape(str(seen))}</pre></details>"
    return title, f'<figure class="sd">{head}{fragment(seen)}{text}</figure>', str(seen)


def first_cause(state: ClusterState, namespace: str, now_s: float, of: str = "") -> Finding | None:
    """Why the oldest pod that does not work does not: what is certain only, and nothing that merely takes its time.

    `of`: a picture of this one pod says nothing about others; a name that no pod has stands for all."""
    suspects = [p for p in state.all("Pod") if pod_state(p) in BROKEN and not is_helper(p)]
    if state.get("Pod", of):
        suspects = [p for p in suspects if name_of(p) == of]
    for pod in suspects[:MOST_ASKED]:
        seen = explain(state, "Pod", namespace, name_of(pod), now=now_s)
        if seen.verdict == "broken" and seen.findings[0].certainty == "certain":
            return seen.findings[0]
    return None


def line(finding: Finding) -> str:
    """One cause under a picture: whose, what, and the field to change."""
    field = f" Change <code>{escape(finding.change.removeprefix(f'{finding.about}: '))}</code>." if finding.field else ""
    return f'<div class="sd-cause"><b>{escape(finding.about)}:</b> {escape(finding.says)}{field}</div>'
