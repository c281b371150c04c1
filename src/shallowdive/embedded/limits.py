"""Limit ranges: what a container gets when it asks for nothing, and what it may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shallowdive.embedded import quantity, status
from shallowdive.embedded.kinds import LIMITRANGES, PODS, PVCS
from shallowdive.embedded.quota import total
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry

ABOUT = "kubernetes.io/limit-ranger"
Amounts = dict[str, str]


def fill_range(_: Registry, value: Object) -> None:
    """What a limit range for containers leaves out follows from the rest: default from max, defaultRequest from default, then from min."""
    for row in value["spec"].get("limits") or ():
        if row.get("type") == "Container":
            default = {**(row.get("max") or {}), **(row.get("default") or {})}
            request = {**(row.get("min") or {}), **default, **(row.get("defaultRequest") or {})}
            row.update({name: amounts for name, amounts in (("default", default), ("defaultRequest", request)) if amounts})


def limit_pod(registry: Registry, pod: Object) -> None:
    """Fill in a pod's requests and limits from the limit ranges of its namespace, or raise ApiError 403."""
    problems: list[str] = []
    for limits in registry.store.objects(LIMITRANGES, pod["metadata"]["namespace"]):
        rows = limits["spec"].get("limits") or ()
        for row in rows:
            if row["type"] == "Container":
                _fill(pod, row)
        for row in rows:
            problems += _pod_problems(pod["spec"], row)
    if problems:
        raise status.forbidden(PODS, pod["metadata"]["name"], _words(problems))


def limit_claim(registry: Registry, claim: Object) -> None:
    """Raise ApiError 403 for a claim that is too small or too large."""
    problems: list[str] = []
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    for limits in registry.store.objects(LIMITRANGES, claim["metadata"]["namespace"]):
        for row in limits["spec"].get("limits") or ():
            if row["type"] == "PersistentVolumeClaim":
                problems += [p for what in ("min", "max") for p in _bound_problems(row, what, requests, {}, requests_only=True)]
    if problems:
        raise status.forbidden(PVCS, claim["metadata"]["name"], _words(problems))


def _fill(pod: Object, row: dict[str, Any]) -> None:
    notes = []
    for kind, containers in (("container", pod["spec"]["containers"]), ("init container", pod["spec"].get("initContainers") or ())):
        for container in containers:
            resources = container.setdefault("resources", {})
            for field, default, word in (("requests", "defaultRequest", "request"), ("limits", "default", "limit")):
                missing = {n: a for n, a in (row.get(default) or {}).items() if n not in (resources.get(field) or {})}
                if missing:
                    resources[field] = {**(resources.get(field) or {}), **missing}
                    notes.append(f"{', '.join(sorted(missing))} {word} for {kind} {container['name']}")
    if notes:
        pod["metadata"].setdefault("annotations", {})[ABOUT] = f"LimitRanger plugin set: {'; '.join(notes)}"


def _pod_problems(spec: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    if row["type"] == "Container":
        for container in (*spec["containers"], *(spec.get("initContainers") or ())):
            resources = container.get("resources") or {}
            yield from _problems(row, resources.get("requests") or {}, resources.get("limits") or {})
    elif row["type"] == "Pod":
        sums = [{what: quantity.write(amount) for what, amount in total(spec, field).items()} for field in ("requests", "limits")]
        yield from _problems(row, *sums)


def _problems(row: dict[str, Any], requests: Amounts, limits: Amounts) -> Iterator[str]:
    yield from _bound_problems(row, "min", requests, limits)
    yield from _bound_problems(row, "max", requests, limits)
    for name, bound in sorted((row.get("maxLimitRequestRatio") or {}).items()):
        request, limit = quantity.nano(requests.get(name, 0)), quantity.nano(limits.get(name, 0))
        text = f"{name} max limit to request ratio per {row['type']} is {bound}, but "
        if not request or not limit:
            yield text + "no request is specified or request is 0." if not request else text + "no limit is specified or limit is 0."
        elif limit / request > quantity.nano(bound) / quantity.NANO:
            yield text + f"provided ratio is {limit / request:.6f}"


def _bound_problems(row: dict[str, Any], which: str, requests: Amounts, limits: Amounts, *, requests_only: bool = False) -> Iterator[str]:
    """One problem at most for each bound: a minimum looks at the request first, a maximum at the limit."""
    is_min = which == "min"
    order = ("request",) if requests_only else ("request", "limit") if is_min else ("limit", "request")
    for name, bound in sorted((row.get(which) or {}).items()):
        edge, asked = quantity.nano(bound), {"request": requests.get(name), "limit": limits.get(name)}
        text = f"{'minimum' if is_min else 'maximum'} {name} usage per {row['type']} is {bound}"
        if asked[order[0]] is None:
            yield f"{text}.  No {order[0]} is specified"
            continue
        given = [(word, amount) for word in order if (amount := asked[word]) is not None]
        broken = [row for row in given if (quantity.nano(row[1]) < edge if is_min else quantity.nano(row[1]) > edge)]
        if broken:
            yield f"{text}, but {broken[0][0]} is {_pretty(broken[0][1], bound)}"


def _pretty(amount: str, like: str) -> str:
    return quantity.write(quantity.nano(amount), quantity.parse(str(like))[1])


def _words(problems: list[str]) -> str:
    return problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]"
