"""The schemas and paths of everything served, as OpenAPI v2 and v3: what `kubectl explain`, `diff` and validation read.

Built when first asked for. Left out: descriptions, which are the bulk of the real documents, and the protobuf form."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import orjson

from shallowdive.embedded.api.discovery import PLAIN, listings
from shallowdive.embedded.api.route import PageNotFound
from shallowdive.embedded.kinds import VERSION, data
from shallowdive.embedded.request import Request, Response

V3, V2 = "/openapi/v3", "/openapi/v2"
JSON_TYPES = ("application/json", "application/yaml")
PATCH_TYPES = (
    "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
)  # fmt: skip
WRITE = ("dryRun", "fieldManager", "fieldValidation")
DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
LIST = ("allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch",
        "sendInitialEvents", "timeoutSeconds", "watch")  # fmt: skip
TYPES = dict.fromkeys(("gracePeriodSeconds", "limit", "timeoutSeconds"), "integer")
TYPES |= dict.fromkeys(("allowWatchBookmarks", "force", "orphanDependents", "sendInitialEvents", "watch"), "boolean")
METHODS = {
    "get": "get",
    "list": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
PARAMETERS = {
    "list": LIST,
    "create": WRITE,
    "update": WRITE,
    "patch": (*WRITE, "force"),
    "delete": DELETE,
    "deletecollection": (*DELETE, *LIST),
}
ACTIONS = {"create": "post", "update": "put"}
META = "io.k8s.apimachinery.pkg.apis.meta.v1"


def document(request: Request) -> Response:
    """Raises PageNotFound."""
    path = request.path.rstrip("/")
    if path == V2:
        return Response(200, v2())
    if path == V3:
        return Response(200, index(), PLAIN)
    place = path.removeprefix(V3)
    if place not in listings():
        raise PageNotFound
    return Response(200, v3(place))


@cache
def index() -> bytes:
    """Where the document of each group version is. The hash changes when the document does, so a client may keep it."""
    paths = {}
    for place in listings():
        digest = hashlib.sha512(v3(place), usedforsecurity=False).hexdigest().upper()
        paths[place[1:]] = {"serverRelativeURL": f"{V3}{place}?hash={digest}"}
    return orjson.dumps({"paths": paths}, option=orjson.OPT_SORT_KEYS)


@cache
def v3(place: str) -> bytes:
    paths = operations(place)
    names = _reached(_references(paths))
    schemas = {name: _v3_schema(data()["schemas"][name]) for name in sorted(names)}
    head = {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": VERSION[1:].rpartition(".")[0]}}
    return orjson.dumps(head | {"paths": _renamed(paths, "#/components/schemas/"), "components": {"schemas": schemas}})


@cache
def v2() -> bytes:
    definitions = {name: _renamed(schema, "#/definitions/") for name, schema in data()["schemas"].items()}
    paths: dict[str, Any] = {}
    for place in listings():
        paths |= {path: {m: _v2_operation(o) for m, o in found.items() if m != "parameters"} for path, found in operations(place).items()}
    head = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION}}
    return orjson.dumps(head | {"paths": _renamed(paths, "#/definitions/"), "definitions": definitions})


def operations(place: str) -> dict[str, Any]:
    """Path items of one group version, references as in the data (`#name`)."""
    listing = listings()[place]
    group, _, version = listing["groupVersion"].rpartition("/")
    schemas = _schemas()
    found: dict[str, dict[str, Any]] = {}
    for row in listing["resources"]:
        name, _, subresource = row["name"].partition("/")
        kind = {"group": row.get("group", group), "version": row.get("version", version), "kind": row["kind"]}
        schema = schemas.get(tuple(kind.values()), "")
        base = f"{place}/namespaces/{{namespace}}/{name}" if row["namespaced"] else f"{place}/{name}"
        one = f"{base}/{{name}}" + (f"/{subresource}" if subresource else "")
        for verb in row["verbs"]:
            if verb == "watch":
                continue
            many = verb in ("list", "create", "deletecollection") and not subresource
            item = found.setdefault(base if many else one, {})
            item[METHODS[verb]] = _operation(verb, kind, schema)
            if many and verb == "list" and row["namespaced"]:
                found.setdefault(f"{place}/{name}", {})["get"] = _operation(verb, kind, schema)
    for path, item in found.items():
        item["parameters"] = [_parameter(word, "path") for word in ("namespace", "name") if f"{{{word}}}" in path]
    return found


def _operation(verb: str, kind: dict[str, str], schema: str) -> dict[str, Any]:
    wanted = f"{META}.Status" if verb in ("delete", "deletecollection") else schema
    body = {"patch": f"{META}.Patch", "delete": f"{META}.DeleteOptions", "create": schema, "update": schema}.get(verb, "")
    shown = {"$ref": f"#{wanted}"} if wanted else {"type": "string"}
    answers = {"200": {"description": "OK", "content": {media: {"schema": shown} for media in JSON_TYPES}}}
    operation: dict[str, Any] = {
        "responses": answers,
        "x-kubernetes-action": ACTIONS.get(verb, verb),
        "x-kubernetes-group-version-kind": kind,
    }
    if verb in PARAMETERS:
        operation["parameters"] = [_parameter(word, "query") for word in PARAMETERS[verb]]
    if body:
        media = PATCH_TYPES if verb == "patch" else ("*/*",)
        operation["requestBody"] = {"content": {m: {"schema": {"$ref": f"#{body}"}} for m in media}}
    return operation


def _parameter(name: str, where: str) -> dict[str, Any]:
    parameter = {"name": name, "in": where, "schema": {"type": TYPES.get(name, "string"), "uniqueItems": True}}
    return parameter | ({"required": True} if where == "path" else {})


def _v2_operation(operation: dict[str, Any]) -> dict[str, Any]:
    parameters = [{"name": p["name"], "in": p["in"], **p["schema"]} for p in operation.get("parameters", ())]
    body = operation.get("requestBody")
    found = {key: part for key, part in operation.items() if key.startswith("x-")}
    if body:
        media, content = next(iter(body["content"].items()))
        parameters.append({"name": "body", "in": "body", "required": True, "schema": content["schema"]})
        found["consumes"] = list(body["content"]) if media != "*/*" else ["*/*"]
    schema = operation["responses"]["200"]["content"][JSON_TYPES[0]]["schema"]
    return found | {"parameters": parameters, "produces": list(JSON_TYPES), "responses": {"200": {"description": "OK", "schema": schema}}}


@cache
def _schemas() -> dict[tuple[str, ...], str]:
    """Schema names by (group, version, kind)."""
    rows = data()["schemas"].items()
    return {(g.get("group", ""), g["version"], g["kind"]): name for name, s in rows for g in s.get("x-kubernetes-group-version-kind", ())}


def _references(value: Any) -> set[str]:
    """The names of the schemas that a value refers to."""
    if isinstance(value, dict):
        here: set[str] = {str(value["$ref"])[1:]} if isinstance(value.get("$ref"), str) else set()
        for part in value.values():
            here |= _references(part)
        return here
    return {name for item in value for name in _references(item)} if isinstance(value, list) else set()


def _reached(names: set[str]) -> set[str]:
    """The schemas that these names need, and those that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(data()["schemas"].get(name, {}))
    return {name for name in found if name in data()["schemas"]}


def _renamed(value: Any, prefix: str) -> Any:
    """References as a document of OpenAPI writes them."""
    if isinstance(value, dict):
        return {k: prefix + v[1:] if k == "$ref" else _renamed(v, prefix) for k, v in value.items()}
    return [_renamed(item, prefix) for item in value] if isinstance(value, list) else value


def _v3_schema(value: Any) -> Any:
    """In version 3 a reference stands alone, so what stands beside it (a default) needs `allOf`."""
    if isinstance(value, list):
        return [_v3_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {k: _v3_schema(v) for k, v in value.items()}
    if "$ref" in found and isinstance(found["$ref"], str):
        reference = {"$ref": "#/components/schemas/" + found.pop("$ref")[1:]}
        return found | {"allOf": [reference]} if found else reference
    return found
