"""Subresources that are a part of an object or an action on it: status, scale, binding, eviction, token and their kin.

What connects to a running container or a port is in `connect`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded import fields
from shallowdive.embedded.api import body, connect, patching, verbs
from shallowdive.embedded.api.eviction import evict
from shallowdive.embedded.api.negotiate import respond
from shallowdive.embedded.api.tokens import ISSUER
from shallowdive.embedded.kinds import NAMESPACES, NODES, PODS, SECRETS, SERVICEACCOUNTS, Kind
from shallowdive.embedded.registry import Who
from shallowdive.embedded.request import Channel, Later, Response, Stream
from shallowdive.embedded.status import Cause, bad_request, conflict, internal_error, invalid
from shallowdive.embedded.store import Object, clone

Call = verbs.Call
Answer = Response | Stream | Later | Channel


def _part(group: str, kind: str, schema: str) -> Kind:
    """A kind that is only ever a subresource."""
    return Kind(kind.lower(), group, "v1", kind.lower(), kind, True, (), frozenset(), f"io.k8s.api.{schema}.{kind}")


SCALE = _part("autoscaling", "Scale", "autoscaling.v1")
BINDING = _part("", "Binding", "core.v1")
TOKEN_REQUEST = _part("authentication.k8s.io", "TokenRequest", "authentication.v1")
SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def handle(call: Call) -> Answer:
    """Any subresource. Those without a row of their own are read and written like the object."""
    special = HANDLERS.get(call.asked.subresource or "binding")
    return special(call) if special else verbs.VERBS[call.asked.verb](call)


# scale


def scale(call: Call) -> Response:
    """How many: the same small object for everything that has replicas."""
    asked = call.asked
    owner = call.registry.get(call.stored, asked.namespace, asked.name)
    if asked.verb == "get":
        return _scale_answer(call, owner)
    if asked.verb == "patch":
        media = patching.check(call)
        if media == patching.APPLY:
            return _scale_answer(call, _apply_scale(call, owner))
        wanted = patching.patched(call, media, SCALE, _scale_of(call, owner))
    else:
        call.check_write("UpdateOptions")
        wanted = body.read(call.request, SCALE, call.warnings)
    verbs.check_name(wanted, asked)
    verbs.check_namespace(wanted, asked)
    return _scale_answer(call, _set_replicas(call, owner, wanted, call.who()))


def _set_replicas(call: Call, owner: Object, wanted: Object, who: Who) -> Object:
    replicas = wanted.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        words = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid("Scale", "autoscaling", call.asked.name, [Cause("spec.replicas", "FieldValueInvalid", words)])
    value = clone(owner)
    value["spec"]["replicas"] = replicas
    for name in ("resourceVersion", "uid"):
        value["metadata"].pop(name)
        if wanted["metadata"].get(name):
            value["metadata"][name] = wanted["metadata"][name]
    return call.registry.update(call.stored, value, who, subresource="scale", dry_run=call.dry_run)


def _apply_scale(call: Call, owner: Object) -> Object:
    applied = patching.read_applied(call, SCALE)
    part = {"apiVersion": call.kind.api_version, "kind": call.kind.kind, "metadata": applied["metadata"], "spec": applied.get("spec", {})}
    manager, now, force = call.request.one("fieldManager"), call.cluster.clock.stamp(), call.request.flag("force")
    merged = fields.apply(call.kind, clone(owner), part, manager, force=force, subresource="scale", now=now)
    return call.registry.update(call.stored, merged, Who(manager, call.user, "Apply"), subresource="scale", dry_run=call.dry_run)


def _scale_of(call: Call, owner: Object) -> Object:
    meta, spec, status = owner["metadata"], owner.get("spec", {}), owner.get("status", {})
    selector = spec.get("selector") or {}
    labels = selector if call.kind.group == "" else selector.get("matchLabels", {})
    terms = [f"{key}={value}" for key, value in sorted(labels.items())]
    terms += [_term(row) for row in selector.get("matchExpressions", ())] if call.kind.group else []
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {"replicas": status.get("replicas", 0), "selector": ",".join(terms)},
    }


def _term(row: dict[str, Any]) -> str:
    values = ",".join(sorted(row.get("values", ())))
    words = {"In": f"{row['key']} in ({values})", "NotIn": f"{row['key']} notin ({values})", "Exists": row["key"]}
    return str(words.get(row["operator"], f"!{row['key']}"))


def _scale_answer(call: Call, owner: Object) -> Response:
    return respond(200, _scale_of(call, owner), call.media._replace(shape=""), call.warnings.headers())


# pods


def binding(call: Call) -> Response:
    """Put a pod on a node: what a scheduler does."""
    call.check_write("CreateOptions")
    asked = call.asked
    wanted = body.read(call.request, BINDING, call.warnings)
    target, meta = wanted.get("target", {}), wanted.get("metadata", {})
    name = asked.name or meta.get("name", "")
    if asked.name and meta.get("name", name) != name:
        raise bad_request("name in URL does not match name in Binding object")
    verbs.check_namespace(wanted, asked)
    if target.get("kind", "Node") not in ("", "Node"):
        raise internal_error(f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"')
    if not target.get("name"):
        raise internal_error("target.name: Required value")
    pod = call.registry.get(PODS, asked.namespace, name)
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise conflict("pods/binding", name, why)
    if meta.get("uid", pod["metadata"]["uid"]) != pod["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {pod['metadata']['uid']}"
        raise conflict("pods/binding", name, why)
    bind(call, pod, target["name"], meta)
    return respond(201, SUCCESS, call.media._replace(shape=""))


def bind(call: Call, pod: Object, node: str, meta: dict[str, Any]) -> None:
    value = clone(pod)
    value["spec"]["nodeName"] = node
    for part in ("annotations", "labels"):
        if meta.get(part):
            value["metadata"][part] = {**value["metadata"].get(part, {}), **meta[part]}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": call.cluster.clock.stamp()}
    others = [c for c in value.setdefault("status", {}).get("conditions", ()) if c["type"] != "PodScheduled"]
    value["status"]["conditions"] = [*others, scheduled]
    call.registry.update(PODS, value, call.who(), subresource="binding", dry_run=call.dry_run)


# service accounts

SHORTEST_S, LONGEST_S, USUAL_S = 600, 1 << 32, 3600
BOUND = {("v1", "Pod"): PODS, ("v1", "Secret"): SECRETS, ("v1", "Node"): NODES}


def token(call: Call) -> Response:
    """A token of a service account, for a while and for an audience."""
    call.check_write("CreateOptions")
    asked = call.asked
    wanted = body.read(call.request, TOKEN_REQUEST, call.warnings)
    account = call.registry.get(SERVICEACCOUNTS, asked.namespace, asked.name)
    spec = wanted.setdefault("spec", {})
    seconds = spec.get("expirationSeconds", USUAL_S)
    problem = "less than 10 minutes" if seconds < SHORTEST_S else "larger than 2^32 seconds" if seconds > LONGEST_S else ""
    if problem:
        words = f"Invalid value: {seconds}: may not specify a duration {problem}"
        raise invalid("TokenRequest", "authentication.k8s.io", "", [Cause("spec.expirationSeconds", "FieldValueInvalid", words)])
    issued = call.cluster.api.access.tokens.issue(account, seconds, spec.get("audiences"), _bound(call, spec.get("boundObjectRef")))
    meta = {name: account["metadata"][name] for name in ("name", "namespace", "uid")} | {"creationTimestamp": call.cluster.clock.stamp()}
    shown = {"audiences": spec.get("audiences") or [ISSUER], "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": meta}
    value = head | {"spec": shown, "status": {"token": issued.token, "expirationTimestamp": issued.expires}}
    return respond(201, value, call.media._replace(shape=""), call.warnings.headers())


def _bound(call: Call, reference: dict[str, Any] | None) -> Object | None:
    if not reference:
        return None
    resource = BOUND.get((reference.get("apiVersion", ""), reference.get("kind", "")))
    if resource is None:
        raise bad_request(f"cannot bind token to object of type /{reference.get('apiVersion', '')}, Kind={reference.get('kind', '')}")
    value = call.registry.get(resource, "" if resource == NODES else call.asked.namespace, reference.get("name", ""))
    if reference.get("uid") and reference["uid"] != value["metadata"]["uid"]:
        why = f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record."
        raise conflict(resource, reference["name"], f"{why} The object might have been deleted and then recreated")
    return value


def finalize(call: Call) -> Response:
    """The finalizers in a namespace's spec: only this way can they be taken away."""
    call.check_write("UpdateOptions")
    value = body.read(call.request, call.kind, call.warnings)
    verbs.check_name(value, call.asked)
    made = call.registry.update(NAMESPACES, value, call.who(), subresource="finalize", dry_run=call.dry_run)
    return call.answer(200, made)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "scale": scale, "binding": binding, "eviction": evict, "token": token, "finalize": finalize, "log": connect.log, "exec": connect.exec_,
    "attach": connect.attach, "portforward": connect.portforward, "proxy": connect.proxy,
}  # fmt: skip
