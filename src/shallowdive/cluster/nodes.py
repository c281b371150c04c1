"""kind's node containers, as the engine lists them. Nothing here changes anything but by name of a cluster that is ours."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shallowdive import process

LABEL = "io.x-k8s.kind.cluster"
LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class NodeContainer:
    name: str
    running: bool


def node_containers(cluster: str) -> list[NodeContainer]:
    """Containers of the kind cluster of this name, running or not."""
    out = process.must(["docker", "ps", "--all", "--filter", f"label={LABEL}={cluster}", "--format", "{{json .}}"], limit_s=LIMIT_S)
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return sorted((NodeContainer(r["Names"], r["State"] == "running") for r in rows), key=lambda n: n.name)


def start_containers(names: list[str]) -> None:
    process.must(["docker", "start", *names], limit_s=60)


def stop_containers(names: list[str]) -> None:
    process.must(["docker", "stop", "-t", "1", *names], limit_s=60)


def image_is_local(image: str) -> bool:
    return process.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], limit_s=LIMIT_S).status == 0
