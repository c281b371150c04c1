"""Why a container does not run, does not keep running, or runs and is not ready."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shallowdive.explain.finding import LIKELY, Evidence
from shallowdive.explain.image import CREATING, containers, is_about, waiting
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight, condition_of, event_time
from shallowdive.objects import Object, name_of
from shallowdive.objects.pods import long_running, moment

LATELY_S = 600
"""A container that runs now and ended so recently is not healthy yet: it may be between two falls."""
YOUNG_S = 60
CONFIG_TEXTS = {
    "key-missing": r"(?:find key|config key:|secret key:) (?P<key>\S+?)(?: in (?P<of>ConfigMap|Secret) \S+?/(?P<named>\S+))?$",
    "configmap-missing": r'configmap "(?P<named>[^"]+)" not found',
    "secret-missing": r'secret "(?P<named>[^"]+)" not found',
    "runs-as-root-refused": r"runAsNonRoot",
}
START_TEXTS = {
    "command-not-executable": r"permission denied|exec format error|is a directory",
    "command-not-found": r"not found in \$PATH|no such file or directory",
}
PROBED = ("killed-by-signal", "command-failed", "command-ended")
ENDS = ("Evicted", "DeadlineExceeded")
SIGNAL, MOST_SIGNALS = 128, 64
"""An exit code of 128 and a number is that of a signal; a code beyond the last signal is the program's own."""
SIGNALS = {1: "HUP", 2: "INT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 11: "SEGV", 13: "PIPE", 15: "TERM"}


# ── not created ──────────────────────────────────────────────────────────────────────────────────────────────
def _config(cause: str) -> Find:
    """From a container's waiting message, or from the newest event about a volume while no container has been created."""

    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        for text, path, container in _complaints(sight, pod):
            found = next(((c, m) for c, p in CONFIG_TEXTS.items() if (m := re.search(p, text))), None)
            if (found[0] if found else "volume-mount-fails" if container == "" else "config-refused") != cause:
                continue
            groups = {k: v or "" for k, v in (found[1].groupdict() if found else {}).items()}
            what = groups.get("of") or ("Secret" if "secret" in text.lower() else "ConfigMap")
            named = groups.get("named") or _volume_source(pod, text)
            path = f"{path}{_reference(pod, container, named)}" if container else path
            facts = {"path": path, "container": container, "of": what, "named": named or "?", "key": groups.get("key", "")}
            yield Evidence(text, facts)

    return find


def _complaints(sight: Sight, pod: Object) -> Iterator[tuple[str, str, str]]:
    """(text, path, container); the container is '' for a volume."""
    for path, spec, status in containers(pod):
        text = waiting(status, "CreateContainerConfigError")
        if text is not None:
            yield text, path, spec["name"]
    if not any("running" in (s.get("state") or {}) or s.get("lastState") for _, _, s in containers(pod)) and _not_over(pod):
        text = sight.last(pod, "FailedMount", "FailedAttachVolume")
        volume = re.search(r'volume "([^"]+)"', text)
        if text:
            yield text, f"spec.volumes[{volume.group(1)}]" if volume else "spec.volumes", ""


def _reference(pod: Object, container: str, named: str) -> str:
    """Where a container names this ConfigMap or Secret: ".env[WORD].valueFrom", ".envFrom[0]", '' when it is not found."""
    spec = next((s for _, s, _ in containers(pod) if s["name"] == container), {})
    found = [f".env[{e['name']}].valueFrom" for e in spec.get("env") or [] if named in _names(e.get("valueFrom"))]
    found += [f".envFrom[{i}]" for i, e in enumerate(spec.get("envFrom") or []) if named in _names(e)]
    return found[0] if found else ""


def _names(source: dict[str, Any] | None) -> list[str]:
    return [v["name"] for v in (source or {}).values() if isinstance(v, dict) and "name" in v]


def _volume_source(pod: Object, text: str) -> str:
    volume = re.search(r'volume "([^"]+)"', text)
    sources = [v for v in pod["spec"].get("volumes") or [] if volume and v["name"] == volume.group(1)]
    named = [(v.get("configMap") or {}).get("name") or (v.get("secret") or {}).get("secretName") for v in sources]
    return str(named[0]) if named and named[0] else ""


# ── ended ────────────────────────────────────────────────────────────────────────────────────────────────────
NOT_SEEN = ("Unknown", "ContainerStatusUnknown")
"""Reasons of an end that no kubelet saw: the node was off, or its container engine."""


def ended(sight: Sight, status: dict[str, Any]) -> dict[str, Any]:
    """How a container that should run ended last; {} when it runs well enough, when its end was all that was asked for, and when nobody
    saw it end."""
    end = _end(sight, status)
    return {} if end.get("reason") in NOT_SEEN else end


def _end(sight: Sight, status: dict[str, Any]) -> dict[str, Any]:
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated") or {}
    if "terminated" in state:
        return dict(state["terminated"])
    if "running" in state:
        recent = last and int(status.get("restartCount", 0)) and sight.now - moment(last.get("finishedAt")) < LATELY_S
        return last if recent else {}
    reason = (state.get("waiting") or {}).get("reason", "")
    if reason in ("RunContainerError", "CreateContainerError"):
        return last or {"reason": "StartError", "message": state["waiting"].get("message", ""), "exitCode": 128}
    return last if reason == "CrashLoopBackOff" else {}


def how_ended(sight: Sight, pod: Object, spec: dict[str, Any], end: dict[str, Any], init: bool) -> str:
    """The cause class of an end."""
    code, reason, message = int(end.get("exitCode", 0)), str(end.get("reason", "")), str(end.get("message", ""))
    killed = _killed_by_kubelet(sight, pod, spec["name"])
    if killed:
        return killed
    if reason == "OOMKilled":
        return "out-of-memory"
    if reason in ("StartError", "ContainerCannotRun"):
        return next((c for c, p in START_TEXTS.items() if re.search(p, message)), "start-fails")
    if code == 0:
        stays = spec["name"] in {c["name"] for c in long_running(pod)}
        again = "Always" in (spec.get("restartPolicy"), pod["spec"].get("restartPolicy", "Always"))
        return "command-ended" if stays and again else ""
    if init:
        return "init-container-fails"
    if code in (126, 127):
        return "command-not-executable" if code == 126 else "command-not-found"
    return "killed-by-signal" if SIGNAL < code <= SIGNAL + MOST_SIGNALS else "command-failed"


def _is_init(path: str, spec: dict[str, Any]) -> bool:
    """One that has to end before the others begin; a native side-car stands in the same list and does not."""
    return path.startswith("spec.init") and spec.get("restartPolicy") != "Always"


def _killed_by_kubelet(sight: Sight, pod: Object, container: str) -> str:
    """The cause class when the kubelet itself ended the container: a probe failed, or the hook after its start."""
    for event in reversed(sight.events(pod, "Killing", "FailedPostStartHook")):
        probe = re.match(rf"Container {re.escape(container)} failed (liveness|startup) probe", event["message"])
        if sight.now - event_time(event) < LATELY_S and (probe or (is_about(event, container) and "PostStartHook" in event["message"])):
            return f"{probe.group(1)}-kills" if probe else "start-hook-fails"
    return ""


def _ends(cause: str) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("reason") in ENDS:
            return
        for path, spec, status in containers(pod):
            end = ended(sight, status)
            if not end or how_ended(sight, pod, spec, end, _is_init(path, spec)) != cause:
                continue
            code = int(end.get("exitCode", 0))
            facts = {
                "path": path, "container": spec["name"], "code": str(code), "signal": SIGNALS.get(code - SIGNAL, str(code - SIGNAL)),
                "value": _now(cause, spec),
                "memory": ((spec.get("resources") or {}).get("limits") or {}).get("memory", "none"),
            }  # fmt: skip
            if cause in ("command-not-found", "command-not-executable") and code in (126, 127):
                facts["certainty"] = LIKELY
            if cause in PROBED and not sight.looked("Event") and {"livenessProbe", "startupProbe", "lifecycle"} & spec.keys():
                facts["certainty"] = LIKELY  # an event would say that the kubelet ended it
            text = f"container {spec['name']}: {end.get('reason', 'terminated')}, exit code {code}"
            if cause in ("liveness-kills", "startup-kills"):
                probe = cause.partition("-")[0].capitalize()
                text = _probe_text(sight, pod, probe, spec["name"], 0) or text
            if cause == "start-hook-fails":
                text = sight.last(pod, "FailedPostStartHook")
            yield Evidence(f"{text}: {end['message']}" if end.get("message") else text, facts)

    return find


def _now(cause: str, spec: dict[str, Any]) -> str:
    if cause == "out-of-memory":
        return str(((spec.get("resources") or {}).get("limits") or {}).get("memory", "no limit of its own"))
    if cause.endswith("-kills"):
        return probe_in_words(spec.get(f"{cause.partition('-')[0]}Probe"))
    if cause == "start-hook-fails":
        return probe_in_words((spec.get("lifecycle") or {}).get("postStart"))
    words = [*(spec.get("command") or []), *(spec.get("args") or [])]
    return " ".join(map(str, words)) or "none: the image's own"


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────
def probe_in_words(probe: dict[str, Any] | None) -> str:
    for how, what in (probe or {}).items():
        if how == "httpGet":
            return f"httpGet {what.get('path', '/')} on port {what.get('port')}"
        if how in ("tcpSocket", "grpc"):
            return f"{how} on port {what.get('port')}"
        if how == "exec":
            return f"exec {' '.join(what.get('command') or [])}"
    return "none"


def _probe_text(sight: Sight, pod: Object, probe: str, container: str, since: float) -> str:
    """The newest failure of a probe that is not older than the container."""
    for event in reversed(sight.events(pod, "Unhealthy")):
        if is_about(event, container) and event["message"].startswith(f"{probe} probe") and event_time(event) >= since - 1:
            return str(event["message"])
    return ""


def _not_ready(failing: bool) -> Find:
    """A running container that is not ready; `failing` once its probe had as many chances as it has before a failure counts."""

    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        for path, spec, status in containers(pod):
            running = (status.get("state") or {}).get("running")
            probe = spec.get("readinessProbe")
            if running is None or status.get("ready") or not probe or _killed_by_kubelet(sight, pod, spec["name"]):
                continue
            since = moment(running.get("startedAt"))
            text = _probe_text(sight, pod, "Readiness", spec["name"], since)
            chances = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
            fails = bool(text) and sight.now - since >= chances
            if fails == failing and (fails or sight.now - since < chances + YOUNG_S / 2):
                facts = {"path": path, "container": spec["name"], "value": probe_in_words(probe)}
                yield Evidence(text or f"container {spec['name']} runs, no answer to its probe yet", facts)

    return find


def _init_runs(_: Sight, pod: Object) -> Iterator[Evidence]:
    for path, spec, status in containers(pod):
        if "running" in (status.get("state") or {}) and _is_init(path, spec):
            yield Evidence(f"init container {spec['name']} runs", {"container": spec["name"]})


def _starts(sight: Sight, pod: Object) -> Iterator[Evidence]:
    creating = [s for _, _, s in containers(pod) if waiting(s, *CREATING) is not None]
    if sight.age_s(pod) < YOUNG_S and (creating or not (pod.get("status") or {}).get("containerStatuses")) and pod["spec"].get("nodeName"):
        yield Evidence("ContainerCreating", {})


# ── the pod ──────────────────────────────────────────────────────────────────────────────────────────────────
def _not_over(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def _pod_reason(*reasons: str) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        status = pod.get("status") or {}
        told = [(str(status.get("reason", "")), str(status.get("message", "")))]
        told += [(e["reason"], e["message"]) for e in sight.events(pod, *ENDS)]  # an event is there before the status
        found = next(((r, m) for r, m in told if any(re.fullmatch(p, r) for p in reasons)), None)
        if found:
            limit = str(pod["spec"].get("activeDeadlineSeconds", ""))
            yield Evidence(": ".join(found), {"value": limit, "reason": found[0]})

    return find


def _node_not_ready(sight: Sight, pod: Object) -> Iterator[Evidence]:
    node = sight.get("Node", pod["spec"].get("nodeName", ""))
    ready = condition_of(node, "Ready") if node else {}
    if node and ready.get("status") != "True" and _not_over(pod) | bool(pod["metadata"].get("deletionTimestamp")):
        yield Evidence(
            f"node {name_of(node)}: Ready={ready.get('status', 'not told')}, {ready.get('reason', '')}", {"node": name_of(node)}, node
        )


ORDER = (
    # as a container meets them
    "init-container-fails", "command-not-found", "command-not-executable", "start-fails", "out-of-memory", "liveness-kills",
    "startup-kills", "start-hook-fails", "killed-by-signal", "command-failed", "command-ended",
)  # fmt: skip
REFUSED_BY_NODE = ("OutOf.*", "UnexpectedAdmissionError", "NodeAffinity", "NodeShutdown", "Preempting", "NodePorts")
RULES = rules(
    ("Pod",),
    {
        "node-not-ready": _node_not_ready,
        "evicted": _pod_reason("Evicted"),
        "pod-deadline": _pod_reason("DeadlineExceeded"),
        "node-refused": _pod_reason(*REFUSED_BY_NODE),
        **{cause: _config(cause) for cause in (*CONFIG_TEXTS, "config-refused", "volume-mount-fails")},
        **{cause: _ends(cause) for cause in ORDER},
        "readiness-fails": _not_ready(failing=True),
        "waits-for-first-probe": _not_ready(failing=False),
        "init-container-runs": _init_runs,
        "starting": _starts,
    },
)
