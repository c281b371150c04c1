"""`session.explain`: one fresh look at the namespace, the pure explanation of it, and the last words of a program that ended."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.cluster import NamespaceClient
from shallowdive.errors import BadAnswer
from shallowdive.explain import Explanation, Finding, explain, explain_refusal
from shallowdive.live import look
from shallowdive.objects.pods import NO_LOG

LAST_LINES = 3


def why(client: NamespaceClient, what: Any) -> Explanation:
    """`what`: "deployment/web", "web" (a pod), an object as the client returned it, or the ApiException of a refusal."""
    if isinstance(what, ApiException):
        return explain_refusal(what.body)
    state = look(client.api, client.namespace)
    kind, name = named(what, tuple(state.by_kind))
    seen = explain(state, kind, client.namespace, name, now=time.time())
    return replace(seen, findings=tuple(_with_log(client, f) for f in seen.findings))


def named(what: Any, kinds: tuple[str, ...]) -> tuple[str, str]:
    """(kind, name) of a text, a dictionary or one of the client's models."""
    if isinstance(what, str):
        kind, _, name = what.rpartition("/")
        by_word = {word: k for k in kinds for word in (k.lower(), f"{k.lower()}s")} | {"pvc": "PersistentVolumeClaim", "": "Pod"}
        by_word |= {"hpa": "HorizontalPodAutoscaler", "ingresses": "Ingress"}
        if kind.lower() not in by_word:
            raise BadAnswer("there is no such kind here", saw=kind, try_this="for example: session.explain('deployment/web')")
        return by_word[kind.lower()], name
    if isinstance(what, dict):
        return str(what.get("kind", "Pod")), str(what["metadata"]["name"])
    return type(what).__name__.lstrip("V0123456789"), str(what.metadata.name)


def _with_log(client: NamespaceClient, finding: Finding) -> Finding:
    """The last lines that the program of a finding printed, where its log is still there."""
    if finding.log_of is None:
        return finding
    pod, container = finding.log_of
    for previous in (True, False):  # a container that is not restarted has no previous log
        try:
            log: Any = client.core.read_namespaced_pod_log(
                pod, client.namespace, container=container, previous=previous, tail_lines=LAST_LINES, _preload_content=False
            )
        except ApiException:
            continue
        lines = log.data.decode("utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]
        if lines and not lines[0].startswith(NO_LOG):
            return replace(finding, evidence=f"{finding.evidence}; it printed last: {' / '.join(lines)}")
    return finding
