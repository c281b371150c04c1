"""Why an image is not there. The class is read from what the node's runtime says of the pull, without the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shallowdive.explain.finding import LIKELY, Evidence
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight, event_time
from shallowdive.objects import Object

SLOW_S = 60
NAMES = re.compile(r'"[^"]*"|https?://\S+')
PULL_TEXTS = {
    # cause: what the runtime says; the first that fits
    "image-wrong-platform": r"no match for platform",
    "image-rate-limit": r"\b429\b|toomanyrequests",
    "image-no-permission": r"\b40[13]\b|unauthorized|denied|authorization failed|no basic auth",
    "image-http-not-https": r"HTTP response to HTTPS client|does not look like a TLS handshake",
    "image-bad-certificate": r"x509:",
    "image-no-such-host": r"no such host|server misbehaving|lookup .*(timeout|refused)",
    "image-no-route": r"connection refused|no route to host|unreachable|i/o timeout|connect: ",
    "image-registry-broken": r"\b5\d\d\b|\bEOF\b|reset by peer|closed network connection",
    "image-slow": r"deadline exceeded|context canceled",
    "image-not-found": r"not found|manifest unknown|does not exist",
}
CREATING = ("ContainerCreating", "PodInitializing")
FAILS = ("ErrImagePull", "ImagePullBackOff")


def containers(pod: Object) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(path, spec, status) of every container, init containers first; the status is {} until the kubelet reports one."""
    for key in ("initContainers", "containers"):
        statuses = {s["name"]: s for s in (pod.get("status") or {}).get(f"{key[:-1]}Statuses") or []}
        for spec in pod["spec"].get(key) or []:
            yield f"spec.{key}[{spec['name']}]", spec, statuses.get(spec["name"], {})


def waiting(status: dict[str, Any], *reasons: str) -> str | None:
    """The message of a container that waits for one of these reasons; None when it does not."""
    now = (status.get("state") or {}).get("waiting") or {}
    return str(now.get("message", "")) if now.get("reason") in reasons else None


def full_name(image: str) -> str:
    """An image's name as the node keeps it: registry and tag written out."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def pull_policy(spec: dict[str, Any]) -> str:
    always = full_name(spec["image"]).endswith(":latest")
    return str(spec.get("imagePullPolicy") or ("Always" if always else "IfNotPresent"))


def on_node(sight: Sight, pod: Object, image: str) -> bool:
    """Whether the pod's node says that it has this image."""
    node = sight.get("Node", pod["spec"].get("nodeName", "")) or {}
    return any(full_name(image) in (i.get("names") or []) for i in (node.get("status") or {}).get("images") or [])


def _facts(path: str, spec: dict[str, Any], **more: str) -> dict[str, str]:
    return {"path": path, "container": spec["name"], "image": spec["image"], "value": spec["image"], **more}


def pull_cause(sight: Sight, pod: Object, spec: dict[str, Any], text: str) -> str:
    if pull_policy(spec) == "Always" and on_node(sight, pod, spec["image"]):
        return "image-always-pulled"
    words = text
    for name in (spec["image"], full_name(spec["image"])):
        words = words.replace(name, "")
    words = NAMES.sub("", words)
    return next((cause for cause, pattern in PULL_TEXTS.items() if re.search(pattern, words)), "image-pull-fails")


def _fails(cause: str) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        for path, spec, status in containers(pod):
            text = _pull_text(sight, pod, spec, status)
            if text and pull_cause(sight, pod, spec, text) == cause:
                facts = _facts(path, spec)
                if cause == "image-always-pulled":
                    facts["value"] = pull_policy(spec)
                elif pull_policy(spec) == "Always" and not sight.looked("Node"):
                    facts["certainty"] = LIKELY  # the node may have the image
                yield Evidence(text, facts)

    return find


def _pull_text(sight: Sight, pod: Object, spec: dict[str, Any], status: dict[str, Any]) -> str:
    """From the container's status; from the event where the status is older, or shorter."""
    text = waiting(status, *FAILS)
    told = [
        e for e in sight.events(pod, "Pulling", "Pulled", "Failed") if is_about(e, spec["name"]) and not e["message"].startswith("Error: ")
    ]
    failed = told[-1]["message"] if told and told[-1]["reason"] == "Failed" else ""
    if text is None:
        return failed if waiting(status, *CREATING) is not None else ""
    return text if "failed to" in text or not failed else failed


def _waits(reason: str) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        for path, spec, status in containers(pod):
            text = waiting(status, reason)
            if text is None and waiting(status, *CREATING) is not None:
                told = [e["message"] for e in sight.events(pod, "Failed", "InspectFailed") if is_about(e, spec["name"])]
                text = told[-1] if told and told[-1] == f"Error: {reason}" else None
            if text is not None:
                value = pull_policy(spec) if "Never" in reason else spec["image"]
                yield Evidence(text if reason in text else f"{reason}: {text}", _facts(path, spec, value=value))

    return find


def _pulling(slow: bool) -> Find:
    def find(sight: Sight, pod: Object) -> Iterator[Evidence]:
        for path, spec, status in containers(pod):
            if waiting(status, *CREATING) is None:
                continue
            told = [e for e in sight.events(pod, "Pulling", "Pulled", "Failed") if is_about(e, spec["name"])]
            if told and told[-1]["reason"] == "Pulling" and (sight.now - event_time(told[-1]) >= SLOW_S) == slow:
                yield Evidence(f"{told[-1]['message']}, and nothing since", _facts(path, spec))

    return find


def is_about(event: Object, container: str) -> bool:
    return str(event["involvedObject"].get("fieldPath", "")).endswith(f"{{{container}}}")


def _either(*finds: Find) -> Find:
    return lambda sight, pod: (e for find in finds for e in find(sight, pod))


RULES = rules(
    ("Pod",),
    {
        "image-name-invalid": _waits("InvalidImageName"),
        "image-never-pull": _waits("ErrImageNeverPull"),
        **{cause: _fails(cause) for cause in ("image-always-pulled", *PULL_TEXTS, "image-pull-fails")},
        "image-slow": _either(_fails("image-slow"), _pulling(slow=True)),
        "image-being-pulled": _pulling(slow=False),
    },
)
