"""Why an autoscaler shows <unknown>, read from its conditions and from the metrics API's own record."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shallowdive.explain.finding import Evidence
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight, condition_of
from shallowdive.objects import Object

METRICS_API = "v1beta1.metrics.k8s.io"
TEXTS = {
    # cause: what ScalingActive=False or AbleToScale=False says; the first that fits
    "scaling-switched-off": r"^ScalingDisabled",
    "scale-target-missing": r"FailedGetScale.*not found",
    "metrics-request-missing": r"missing request for (?P<resource>\S+)",
    "metrics-api-dead": r"unable to handle the request|service unavailable|ServiceUnavailable",
    "metrics-api-missing": r"could not find the requested resource",
    "metrics-not-yet": r"no metrics returned|did not receive metrics|no metrics known",
    "metrics-fail": r"^Failed",
}


def _says(cause: str) -> Find:
    def find(sight: Sight, hpa: Object) -> Iterator[Evidence]:
        for kind in ("AbleToScale", "ScalingActive"):
            told = condition_of(hpa, kind)
            text = f"{told.get('reason', '')}: {told.get('message', '')}"
            if told.get("status") != "False":
                continue
            found = next((c for c, p in TEXTS.items() if re.search(p, text)), "")
            api = sight.get("APIService", METRICS_API)
            if found == "metrics-api-missing" and api and condition_of(api, "Available").get("status") != "True":
                found = "metrics-api-dead"
            if found == cause:
                target = hpa["spec"]["scaleTargetRef"]
                named = f"{target['kind']} {target['name']}"
                resource = re.search(r"missing request for (\S+)", text)
                facts = {"target": named, "resource": resource.group(1) if resource else ""}
                value = {"scale-target-missing": named, "scaling-switched-off": "0"}.get(cause, "")
                yield Evidence(f"{kind}=False: {text}", {**facts, "value": value})
                return

    return find


def _young(_: Sight, hpa: Object) -> Iterator[Evidence]:
    if not (hpa.get("status") or {}).get("conditions"):
        yield Evidence("no conditions yet")


RULES = rules(
    ("HorizontalPodAutoscaler",),
    {**{cause: _says(cause) for cause in TEXTS}, "autoscaler-not-looked-yet": _young},
)
