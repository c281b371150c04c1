"""Where a container's files are: in folders that its pod mounts, and in rooms of its own; and a line of shell in it."""

from __future__ import annotations

from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.checks.result import Evidence, Unmet
from shallowdive.objects import Object, name_of
from shallowdive.objects.pods import long_running


def mounts_of(pod: Object, volume: str) -> list[tuple[str, dict[str, Any]]]:
    """(container, mount) for each long-running container that mounts this volume."""
    return [(c["name"], m) for c in long_running(pod) for m in c.get("volumeMounts") or [] if m["name"] == volume]


def room_of(pod: Object, container: str) -> str:
    """A folder of the container's own, outside every volume."""
    mounts = [m["mountPath"].rstrip("/") for c in long_running(pod) if c["name"] == container for m in c.get("volumeMounts") or []]
    return next((d for d in ("/tmp", "/var/tmp", "/var") if not any(d == m or d.startswith(f"{m}/") for m in mounts)), "")


def run(e: Evidence, pod: Object, container: str, script: str) -> str:
    """A line of shell in a container; Unmet where the container has no shell or does not run."""
    try:
        return e.client.exec(name_of(pod), ("sh", "-c", script), container=container)
    except RuntimeError as exc:
        said = str(exc).splitlines()[-1][-120:]
        raise Unmet(f"container {container} could not run a command: {said}", f"kubectl exec {name_of(pod)} -c {container} -- sh") from exc
    except ApiException as exc:
        if exc.status != 404:
            raise
        raise Unmet(f"container {container} does not run", f"kubectl describe pod {name_of(pod)}") from exc
