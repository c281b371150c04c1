"""Why a claim has no volume. A claim that waits for its first pod is as it should be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shallowdive.explain.finding import Evidence
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight
from shallowdive.objects import Object, name_of

PROTECTION = "kubernetes.io/pvc-protection"
SILENT_S = 30
TEXTS = {
    # cause: what the newest event about the claim says
    "storage-class-missing": r'storageclass\S* "(?P<named>[^"]+)" not found',
    "access-mode-unsupported": r"access mode|only supports? ReadWrite",
    "provisioning-fails": r"failed to provision|ProvisioningFailed",
}


def consumers(sight: Sight, claim: Object) -> list[Object]:
    """Pods that mount the claim."""
    name = name_of(claim)
    return [p for p in sight.all("Pod") if name in claims_of(p)]


def claims_of(pod: Object) -> list[str]:
    volumes = pod["spec"].get("volumes") or []
    named = [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]
    return named + [f"{name_of(pod)}-{v['name']}" for v in volumes if "ephemeral" in v]


def _pending(claim: Object) -> bool:
    return (claim.get("status") or {}).get("phase", "Pending") == "Pending" and not claim["metadata"].get("deletionTimestamp")


def _says(cause: str) -> Find:
    def find(sight: Sight, claim: Object) -> Iterator[Evidence]:
        text = sight.last(claim, "ProvisioningFailed") if _pending(claim) else ""
        found = next(((c, m) for c, p in TEXTS.items() if (m := re.search(p, text))), None)
        if found and found[0] == cause:
            named = found[1].groupdict().get("named") or claim["spec"].get("storageClassName") or "the default"
            modes = ", ".join(claim["spec"].get("accessModes") or [])
            value = {"access-mode-unsupported": modes}.get(cause, named)
            there = ", ".join(name_of(c) for c in sight.all("StorageClass")) or "none"
            yield Evidence(f"ProvisioningFailed: {text}", {"named": named, "value": value, "modes": modes, "there": there})

    return find


def _no_class(named: bool) -> Find:
    """`named`: the claim asks for no class on purpose (""); else it names none and no class is the default."""

    def find(sight: Sight, claim: Object) -> Iterator[Evidence]:
        text = sight.last(claim, "FailedBinding") if _pending(claim) else ""
        if text and not claim["spec"].get("storageClassName") and ("storageClassName" in claim["spec"]) == named:
            yield Evidence(f"FailedBinding: {text}", {"value": '""' if named else "not set"})

    return find


def _provisioner(silent: bool) -> Find:
    def find(sight: Sight, claim: Object) -> Iterator[Evidence]:
        told = [e for e in sight.events(claim) if e["reason"] in ("ExternalProvisioning", "Provisioning", "ProvisioningFailed")]
        if not _pending(claim) or not told or any(e["reason"] == "ProvisioningFailed" for e in told):
            return
        answered = any(e["reason"] == "Provisioning" for e in told)
        if (not answered and sight.age_s(claim) >= SILENT_S) == silent:
            provisioner = re.search(r"provisioner '([^']+)'", told[-1]["message"])
            yield Evidence(f"{told[-1]['reason']}: {told[-1]['message']}", {"named": provisioner.group(1) if provisioner else "?"})

    return find


def _first_consumer(sight: Sight, claim: Object) -> Iterator[Evidence]:
    text = sight.last(claim, "WaitForFirstConsumer", "WaitForPodScheduled")
    if _pending(claim) and text and not sight.events(claim, "ProvisioningFailed", "FailedBinding"):
        yield Evidence(text, {"waits": "its pod's place" if consumers(sight, claim) else "the first pod that mounts it"})


def _in_use(sight: Sight, claim: Object) -> Iterator[Evidence]:
    if claim["metadata"].get("deletionTimestamp") and PROTECTION in (claim["metadata"].get("finalizers") or []):
        pods = [name_of(p) for p in consumers(sight, claim)]
        if pods:
            yield Evidence(f"metadata.finalizers {PROTECTION}; mounted by pod {', '.join(pods)}", {"pods": ", ".join(pods)})


def _lost(_: Sight, claim: Object) -> Iterator[Evidence]:
    if (claim.get("status") or {}).get("phase") == "Lost":
        yield Evidence("status.phase is Lost", {"value": claim["spec"].get("volumeName", "")})


RULES = rules(
    ("PersistentVolumeClaim",),
    {
        "claim-in-use": _in_use,
        "claim-lost": _lost,
        "storage-class-missing": _says("storage-class-missing"),
        "access-mode-unsupported": _says("access-mode-unsupported"),
        "no-default-class": _no_class(named=False),
        "no-volume-fits": _no_class(named=True),
        "provisioner-silent": _provisioner(silent=True),
        "provisioning-fails": _says("provisioning-fails"),
        "volume-being-made": _provisioner(silent=False),
        "waits-for-first-consumer": _first_consumer,
    },
)
