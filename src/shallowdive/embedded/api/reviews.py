"""Questions that are asked by creating an object: may I do this, who am I, whose token is that? Nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from shallowdive.embedded.api import body, verbs
from shallowdive.embedded.api.access import may_do_all
from shallowdive.embedded.api.negotiate import respond
from shallowdive.embedded.api.rbac import Action
from shallowdive.embedded.request import Response, User
from shallowdive.embedded.status import ApiError, Cause, bad_request, invalid
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
    rbac = call.cluster.api.access.rbac
    reason = rbac.reason(user, action)
    if reason is not None:
        return {"allowed": True, "reason": reason}
    if may_do_all(user):
        return {"allowed": True}
    missing = rbac.missing(user, action.namespace)
    return {"allowed": False} | ({"reason": "RBAC: " + ", ".join(missing)} if missing else {})


def _wrong(field: str, words: str) -> ApiError:
    """422. The real server names no kind here."""
    return invalid("", "authorization.k8s.io", "", [Cause(field, "FieldValueInvalid", f"Invalid value: {words}")])


def _need_one(spec: dict[str, Any]) -> None:
    words = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    if "resourceAttributes" in spec and "nonResourceAttributes" in spec:
        given = spec["nonResourceAttributes"]
        shown = orjson.dumps({"Path": given.get("path", ""), "Verb": given.get("verb", "")}).decode()
        raise _wrong("spec", f"{shown}: {words}")
    if "resourceAttributes" not in spec and "nonResourceAttributes" not in spec:
        raise _wrong("spec", f"null: {words}")


def _subject(spec: dict[str, Any]) -> User:
    if not spec.get("user") and not spec.get("groups"):
        raise _wrong("spec.user", '"": at least one of user or group must be specified')
    return User(spec.get("user", ""), tuple(spec.get("groups", ())), spec.get("uid", ""), spec.get("extra", {}))


def self_subject_access(call: Call) -> Response:
    value = read(call)
    _need_one(value["spec"])
    return answer(call, value, _verdict(call, call.user, _action(value["spec"])))


def subject_access(call: Call) -> Response:
    value = read(call)
    _need_one(value["spec"])
    return answer(call, value, _verdict(call, _subject(value["spec"]), _action(value["spec"])))


def local_subject_access(call: Call) -> Response:
    value = read(call)
    verbs.check_namespace(value, call.asked)
    spec = value["spec"]
    user, namespace = _subject(spec), spec.get("resourceAttributes", {}).get("namespace", "")
    if namespace != call.asked.namespace:
        raise _wrong("spec.resourceAttributes.namespace", f'"{namespace}": must match metadata.namespace')
    return answer(call, value, _verdict(call, user, _action(spec)))


def self_subject_rules(call: Call) -> Response:
    value = read(call)
    namespace = value["spec"].get("namespace", "")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = call.cluster.api.access.rbac.rules(call.user, namespace)
    resource_rules = [r for r in rules if r.get("resources")]
    other_rules = [{"verbs": r["verbs"], "nonResourceURLs": r["nonResourceURLs"]} for r in rules if r.get("nonResourceURLs")]
    value["spec"] = {}
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
        return answer(call, value, {"user": {}, "error": "invalid bearer token"})
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
