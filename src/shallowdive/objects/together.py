"""What belongs together: a Deployment, the claim its pods mount, the Service that selects them, and the order in which they were made.

Nobody wrote down that they are one thing; labels and names say it, so they may be made in any order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shallowdive.objects import Object, name_of, uid_of


@dataclass(frozen=True, slots=True)
class Together:
    """`claim` and `service` are None where there is none. `order`: the kinds, first made first, of those that are there."""

    deployment: Object
    claim: Object | None
    service: Object | None
    order: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return self.claim is not None and self.service is not None


def together(all_of: Callable[[str], Sequence[Object]], born: Mapping[str, int]) -> list[Together]:
    """Every Deployment with what belongs to it, in the order in which they began. `all_of` gives the objects of a kind, `born` the first
    resource version by UID."""
    claims = {name_of(c): c for c in all_of("PersistentVolumeClaim")}
    found: list[tuple[int, Together]] = []
    for deployment in all_of("Deployment"):
        template = deployment["spec"]["template"]
        labels = (template.get("metadata") or {}).get("labels") or {}
        volumes = (v.get("persistentVolumeClaim") or {} for v in (template.get("spec") or {}).get("volumes") or [])
        claim = next((claims[v["claimName"]] for v in volumes if v.get("claimName") in claims), None)
        service = next((s for s in all_of("Service") if _selects(s, labels)), None)
        made = {"Deployment": deployment, "PersistentVolumeClaim": claim, "Service": service}
        parts = [(born.get(uid_of(o), 0), kind) for kind, o in made.items() if o is not None]
        order = tuple(kind for _, kind in sorted(parts))
        found.append((min(parts)[0], Together(deployment, claim, service, order)))
    return [t for _, t in sorted(found, key=lambda f: f[0])]


def _selects(service: Object, labels: Mapping[str, str]) -> bool:
    selector = (service["spec"].get("selector") or {}).items()
    return bool(selector) and all(labels.get(k) == v for k, v in selector)


def note_birth(born: dict[str, int], obj: Object) -> None:
    """Keep the resource version at first sight, by UID: versions count for all kinds of a cluster together."""
    born.setdefault(uid_of(obj), int(obj["metadata"].get("resourceVersion") or 0))


def end_of(t: Together, pods: Sequence[Object], endpoints: int) -> dict[str, Any]:
    """What all this came to, without names: equal for things that are alike."""
    status = t.deployment.get("status") or {}
    name = name_of(t.deployment)
    return {
        "wanted": int(t.deployment["spec"].get("replicas", 1)),
        "ready": int(status.get("readyReplicas") or 0),
        "pods": len(pods),
        "claim": str(((t.claim or {}).get("status") or {}).get("phase", "")),
        "endpoints": endpoints,
        "template": json.dumps(_nameless(t, t.deployment["spec"]["template"]), sort_keys=True).replace(name, "NAME"),
    }


def _nameless(t: Together, template: Object) -> Object:
    """A template without labels and the claim's name: they only say what belongs together."""
    spec = dict(template.get("spec") or {})
    spec["volumes"] = [
        {**v, "persistentVolumeClaim": "CLAIM"}
        if t.claim and (v.get("persistentVolumeClaim") or {}).get("claimName") == name_of(t.claim)
        else v
        for v in spec.get("volumes") or []
    ]
    return spec
