"""Why a Service or an Ingress leads nowhere: selector against labels, port names, class, backend, certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shallowdive.explain.finding import CERTAIN, LIKELY, Evidence
from shallowdive.explain.rule import rules
from shallowdive.explain.sight import TEMPLATED, Sight, in_words
from shallowdive.objects import Object, annotations_of, labels_of, name_of, selects
from shallowdive.objects.pods import is_ready
from shallowdive.objects.route import SERVICE_NAME

OWN_LABELS = ("pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
              "apps.kubernetes.io/pod-index")  # fmt: skip
"""Labels that controllers add: nobody selects by them."""
OLD_CLASS = "kubernetes.io/ingress.class"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


# ── Service ──────────────────────────────────────────────────────────────────────────────────────────────────
def carriers(sight: Sight, service: Object) -> list[Object]:
    """Pods with the labels that the Service selects."""
    pods = [p for p in sight.all("Pod") if selects(service["spec"].get("selector"), p)]
    return [p for p in pods if not p["metadata"].get("deletionTimestamp")]


def selected(sight: Sight, service: Object) -> list[Object]:
    """Those of them that it would send requests to if they were ready."""
    return [p for p in carriers(sight, service) if (p.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]


def makers(sight: Sight, service: Object) -> list[Object]:
    """Controllers, not themselves made by one, whose template carries the labels that the Service selects."""
    found = [o for kind in TEMPLATED for o in sight.all(kind) if not any(True for _ in sight.owners(o))]
    return [o for o in found if selects(service["spec"].get("selector"), _template(o))]


def _template(owner: Object) -> Object:
    return {"metadata": owner["spec"]["template"].get("metadata") or {}}


def _own(labels: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in labels.items() if k not in OWN_LABELS}


def _selects_nothing(sight: Sight, service: Object) -> Iterator[Evidence]:
    selector = service["spec"].get("selector")
    if not selector or not sight.looked("Pod") or carriers(sight, service) or makers(sight, service):
        return
    # a maker that nobody looked at may want 0 such pods
    facts = {"value": in_words(selector), "certainty": CERTAIN if sight.looked("Deployment") and sight.looked("StatefulSet") else LIKELY}
    pods = [p for p in sight.all("Pod") if not p["metadata"].get("deletionTimestamp")]
    if not pods:
        yield Evidence(f"selector {in_words(selector)}; no pod in this namespace", {**facts, "diff": "there is no pod at all"})
        return
    nearest = max(pods, key=lambda p: _alike(selector, _own(labels_of(p))))
    labels = _own(labels_of(nearest))
    diff = [f"{k}={v}" + (f" (the pod has {k}={labels[k]})" if k in labels else "") for k, v in selector.items() if labels.get(k) != v]
    text = f"selector {in_words(selector)}; labels of the pods of {sight.holder(nearest)[0]}: {in_words(labels)}"
    yield Evidence(text, {**facts, "diff": f"the nearest lacks {', '.join(diff)}"})


def _alike(selector: dict[str, str], labels: dict[str, str]) -> int:
    """How near a pod's labels come to a selector: a whole pair counts most, then a key, then a value under another key."""
    pairs, keys = selector.items() & labels.items(), selector.keys() & labels.keys()
    return 4 * len(pairs) + 2 * len(keys) + len(set(selector.values()) & set(labels.values()))


def _no_selector(sight: Sight, service: Object) -> Iterator[Evidence]:
    by_hand = [s for s in sight.all("EndpointSlice") if labels_of(s).get(SERVICE_NAME) == name_of(service) and s.get("endpoints")]
    if (
        not service["spec"].get("selector")
        and service["spec"].get("type") != "ExternalName"
        and sight.looked("EndpointSlice")
        and not by_hand
    ):
        yield Evidence("spec.selector is not set, and no EndpointSlice names this Service", {"value": "none"})


def _declared(pods: list[Object]) -> list[dict[str, Any]]:
    return [
        p for pod in pods for c in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])] for p in c.get("ports") or []
    ]


def _pods_or_templates(sight: Sight, service: Object) -> list[Object]:
    return selected(sight, service) or [{"spec": o["spec"]["template"]["spec"]} for o in makers(sight, service)]


def _port_name_missing(sight: Sight, service: Object) -> Iterator[Evidence]:
    pods = _pods_or_templates(sight, service)
    names = {p["name"] for p in _declared(pods) if p.get("name")}
    for port in service["spec"].get("ports") or []:
        target = port.get("targetPort")
        if pods and isinstance(target, str) and target not in names:
            has = f"they name {', '.join(sorted(names))}" if names else "they name none"
            yield Evidence(f"targetPort {target}; port names in the pods: {', '.join(sorted(names)) or 'none'}",
                           {"port": str(port["port"]), "value": target, "has": has})  # fmt: skip


def _port_wrong(sight: Sight, service: Object) -> Iterator[Evidence]:
    numbers = {p["containerPort"] for p in _declared(_pods_or_templates(sight, service)) if p.get("protocol", "TCP") == "TCP"}
    for port in service["spec"].get("ports") or []:
        target = port.get("targetPort", port["port"])
        if numbers and isinstance(target, int) and port.get("protocol", "TCP") == "TCP" and target not in numbers:
            listed = ", ".join(map(str, sorted(numbers)))
            yield Evidence(f"targetPort {target}; ports that the pods declare: {listed}",
                           {"port": str(port["port"]), "value": str(target), "has": listed})  # fmt: skip


def _none_ready(sight: Sight, service: Object) -> Iterator[Evidence]:
    pods = selected(sight, service)
    if pods and not any(is_ready(p) for p in pods):
        yield Evidence(f"{len(pods)} pods selected, none Ready", {"count": str(len(pods))})


def _no_balancer(_: Sight, service: Object) -> Iterator[Evidence]:
    if service["spec"].get("type") == "LoadBalancer" and not ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        yield Evidence("status.loadBalancer is empty")


# ── Ingress ──────────────────────────────────────────────────────────────────────────────────────────────────
def backends(ingress: Object) -> list[tuple[str, dict[str, Any]]]:
    """(path of the field, service backend) of every rule and the default."""
    spec = ingress["spec"]
    found = [("spec.defaultBackend", spec.get("defaultBackend") or {})]
    for i, rule in enumerate(spec.get("rules") or []):
        for k, path in enumerate((rule.get("http") or {}).get("paths") or []):
            found.append((f"spec.rules[{i}].http.paths[{k}].backend", path.get("backend") or {}))
    return [(path, b["service"]) for path, b in found if "service" in b]


def _class_unserved(sight: Sight, ingress: Object) -> Iterator[Evidence]:
    if not sight.looked("IngressClass"):
        return
    classes = {name_of(c): c for c in sight.all("IngressClass")}
    named = ingress["spec"].get("ingressClassName") or annotations_of(ingress).get(OLD_CLASS) or ""
    default = any(annotations_of(c).get(DEFAULT_CLASS) == "true" for c in classes.values())
    if named in classes or (not named and default):
        return
    there = ", ".join(sorted(classes)) or "none"
    text = f"ingressClassName {named or 'not set, and no class is the default'}; classes of this cluster: {there}"
    yield Evidence(text, {"value": named or "not set"})


def _tls_missing(sight: Sight, ingress: Object) -> Iterator[Evidence]:
    for i, tls in enumerate(ingress["spec"].get("tls") or []):
        name = tls.get("secretName", "")
        if name and sight.misses("Secret", name):
            yield Evidence(
                f"spec.tls[{i}].secretName {name}; no such Secret", {"path": f"spec.tls[{i}].secretName", "named": name, "value": name}
            )


def _service_missing(sight: Sight, ingress: Object) -> Iterator[Evidence]:
    for path, service in backends(ingress):
        if sight.misses("Service", service["name"]):
            there = ", ".join(name_of(s) for s in sight.all("Service")) or "none"
            yield Evidence(f"{path}.service.name {service['name']}; Services of this namespace: {there}",
                           {"path": path, "named": service["name"], "value": service["name"]})  # fmt: skip


def _port_missing(sight: Sight, ingress: Object) -> Iterator[Evidence]:
    for path, backend in backends(ingress):
        service, wanted = sight.get("Service", backend["name"]), backend.get("port") or {}
        ports = ((service or {}).get("spec") or {}).get("ports") or []
        if service and not any(
            p.get("name") == wanted.get("name") if "name" in wanted else p["port"] == wanted.get("number") for p in ports
        ):
            has = ", ".join(f"{p['port']}" + (f" ({p['name']})" if p.get("name") else "") for p in ports)
            asked = str(wanted.get("name") or wanted.get("number"))
            yield Evidence(f"{path}.service.port {asked}; ports of Service {backend['name']}: {has}",
                           {"path": path, "named": backend["name"], "value": asked, "has": has})  # fmt: skip


RULES = (
    *rules(
        ("Service",),
        {
            "service-without-selector": _no_selector,
            "selector-matches-nothing": _selects_nothing,
            "target-port-name-missing": _port_name_missing,
            "target-port-wrong": _port_wrong,
            "no-ready-pods": _none_ready,
            "waits-for-load-balancer": _no_balancer,
        },
    ),
    *rules(
        ("Ingress",),
        {
            "ingress-class-unserved": _class_unserved,
            "tls-secret-missing": _tls_missing,
            "backend-service-missing": _service_missing,
            "backend-port-missing": _port_missing,
        },
    ),
)
