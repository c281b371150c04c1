"""Questions that are asked by creating an object: may I do this, who am I, whose token is that? Nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded.api import body, verbs
from shallowdive.embedded.api.access import MASTERS
from shallowdive.embedded.api.negotiate import respond
from shallowdive.embedded.api.rbac import Action
from shallowdive.embedded.request import Response, User
from shallowdive.embedded.status import Cause, bad_request, invalid
from shallowdive.embedded.store import Object

Call = verbs.Call


def read(call: Call) -> Object:
    call.check_write("CreateOptions")
    value = body.read(call.request, call.kind, call.warnings)
    value["kind"], value["apiVersion"] = call.kind.kind, call.kind.api_version
    value.setdefault("metadata", {})
    value.setdefault("spec", {})
    return value


def answer(call: Call, value: Object, status: dict[str, Any]) -> Response:
    value["status"] = status
    return respond(201, value, call.media, call.warnings.headers())


def user_info(user: User) -> dict[str, Any]:
    info = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": dict(user.extra)}
    return {name: part for name, part in info.items() if part}


def _action(spec: dict[str, Any], namespace: str | None = None) -> Action:
    if "nonResourceAttributes" in spec:
        asked = spec["nonResourceAttributes"]
        return Action(asked.get("verb", ""), path=asked.get("path", ""))
    asked = spec.get("resourceAttributes", {})
    resource = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
    return Action(asked.get("verb", ""), asked.get("group", ""), resource, asked.get("namespace", namespace or ""), asked.get("name", ""))


def _verdict(call: Call, user: User, action: Action) -> dict[str, Any]:
    access = call.cluster.api.access
    if MASTERS in user.groups:
        return {"allowed": True}
    if access.rbac.allows(user, action):
        return {"allowed": True, "reason": _reason(call, user, action)}
    missing = access.rbac.missing(user, action.namespace)
    return {"allowed": False} | ({"reason": "RBAC: " + ", ".join(missing)} if missing else {})


def _reason(call: Call, user: User, action: Action) -> str:
    return call.cluster.api.access.rbac.reason(user, action)


def _need_one(call: Call, spec: dict[str, Any]) -> None:
    if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
        words = "must specify exactly one of resourceAttributes or nonResourceAttributes"
        both = "resourceAttributes" in spec
        field = "spec.nonResourceAttributes" if both else "spec.resourceAttributes"
        words = (
            "cannot be specified in combination with resourceAttributes"
            if both
            else "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
        value = 'Invalid value: "null"' if not both else "Invalid value"
        raise invalid(call.kind.kind, call.kind.group, "", [Cause(field, "FieldValueInvalid", f"{value}: {words}")])


def self_subject_access(call: Call) -> Response:
    value = read(call)
    _need_one(call, value["spec"])
    return answer(call, value, _verdict(call, call.user, _action(value["spec"])))


def subject_access(call: Call) -> Response:
    value = read(call)
    spec = value["spec"]
    _need_one(call, spec)
    if not spec.get("user") and not spec.get("groups"):
        words = 'Invalid value: "": at least one of user or group must be specified'
        raise invalid(call.kind.kind, call.kind.group, "", [Cause("spec.user", "FieldValueInvalid", words)])
    user = User(spec.get("user", ""), tuple(spec.get("groups", ())), spec.get("uid", ""), spec.get("extra", {}))
    return answer(call, value, _verdict(call, user, _action(spec)))


def local_subject_access(call: Call) -> Response:
    namespace = call.asked.namespace
    value = read(call)
    verbs.check_namespace(value, call.asked)
    spec = value["spec"]
    if spec.get("resourceAttributes", {}).get("namespace") != namespace:
        raise bad_request(f"spec.resourceAttributes.namespace must match namespace: {namespace}")
    user = User(spec.get("user", ""), tuple(spec.get("groups", ())), spec.get("uid", ""), spec.get("extra", {}))
    return answer(call, value, _verdict(call, user, _action(spec)))


ALL_RULES = (
    [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
)


def self_subject_rules(call: Call) -> Response:
    value = read(call)
    namespace = value["spec"].get("namespace", "")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = call.cluster.api.access.rbac.rules(call.user, namespace)
    resource_rules = [r for r in rules if r.get("resources")]
    other_rules = [{"verbs": r["verbs"], "nonResourceURLs": r["nonResourceURLs"]} for r in rules if r.get("nonResourceURLs")]
    if MASTERS in call.user.groups:
        resource_rules, other_rules = [*ALL_RULES[0], *resource_rules], [*ALL_RULES[1], *other_rules]
    return answer(call, value, {"resourceRules": resource_rules, "nonResourceRules": other_rules, "incomplete": False})


def self_subject(call: Call) -> Response:
    value = read(call)
    value.pop("spec", None)
    value["metadata"]["creationTimestamp"] = call.cluster.clock.stamp()
    return answer(call, value, {"userInfo": user_info(call.user)})


def token(call: Call) -> Response:
    value = read(call)
    spec = value["spec"]
    if not spec.get("token"):
        raise bad_request("token is required for TokenReview in authentication")
    audiences = spec.get("audiences")
    user = call.cluster.api.access.user(spec["token"], audiences)
    if user is None:
        return answer(call, value, {"user": {}, "error": "[invalid bearer token, token lookup failed]"})
    from_token = call.cluster.api.access.tokens.claims(spec["token"])
    status = {"authenticated": True, "user": user_info(user)}
    return answer(call, value, status | ({"audiences": audiences or from_token["aud"]} if from_token else {}))


REVIEWS: dict[str, Callable[[Call], Response]] = {
    "selfsubjectaccessreviews.authorization.k8s.io": self_subject_access,
    "subjectaccessreviews.authorization.k8s.io": subject_access,
    "localsubjectaccessreviews.authorization.k8s.io": local_subject_access,
    "selfsubjectrulesreviews.authorization.k8s.io": self_subject_rules,
    "selfsubjectreviews.authentication.k8s.io": self_subject,
    "tokenreviews.authentication.k8s.io": token,
}
