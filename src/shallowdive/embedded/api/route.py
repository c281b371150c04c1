"""From a path to what it means: which resource, namespace, name and subresource, and which verb.

Two steps, as the real server takes them: first what is asked (enough to decide whether it is allowed), then whether it exists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from shallowdive.embedded.kinds import Kind, data, kinds
from shallowdive.embedded.request import Request
from shallowdive.embedded.status import ApiError, bad_request, method_not_allowed, no_such_path

VERBS_OF_ONE = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
VERBS_OF_MANY = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
OF_MANY = ("list", "create", "deletecollection")
OF_NAMESPACE_ITSELF = ("status", "finalize")


@dataclass(slots=True)
class Asked:
    """`group`, `version` and `plural` are as the path has them; `rest` is what follows the subresource, for proxy."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    is_resource: bool = False
    watch: bool = False


@cache
def served() -> dict[tuple[str, str, str], Kind]:
    """Kinds by (group, version, plural)."""
    return {(k.group, k.version, k.plural): k for k in kinds().values()}


@cache
def group_versions() -> dict[str, list[str]]:
    """The versions of each group; '' is the core group."""
    found: dict[str, list[str]] = {}
    for listing in data()["discovery"].values():
        group, _, version = listing["groupVersion"].rpartition("/")
        found.setdefault(group, []).append(version)
    return found


@cache
def subresource_verbs() -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Verbs by (group, plural, subresource)."""
    return {
        (listing["groupVersion"].rpartition("/")[0], *row["name"].split("/")): tuple(row["verbs"])
        for listing in data()["discovery"].values()
        for row in listing["resources"]
        if "/" in row["name"]
    }


def parse(request: Request) -> Asked:
    """What a request asks for. Nothing is looked up; anything that is not below a version is no resource."""
    path, method = request.path, request.method
    parts = path.split("/", 4)
    if len(parts) > 3 and parts[1] == "api":
        group, version, rest = "", parts[2], "/".join(parts[3:])
    elif len(parts) > 4 and parts[1] == "apis":
        group, version, rest = parts[2], parts[3], parts[4]
    else:
        return Asked(method.lower(), path)
    words = rest.split("/")
    deprecated_watch = words[0] == "watch" and len(words) > 1
    if deprecated_watch:
        del words[0]
    namespace = ""
    if words[0] == "namespaces" and len(words) > 2 and words[2] and not (not group and words[2] in OF_NAMESPACE_ITSELF):
        namespace, words = words[1], words[2:]
    if not words[0]:
        return Asked(method.lower(), path)
    asked = Asked("", path, group, version, words[0], namespace, is_resource=True)
    asked.name = words[1] if len(words) > 1 else ""
    asked.subresource = words[2] if len(words) > 2 else ""
    asked.rest = "/".join(words[3:])
    if len(words) == 3 and asked.subresource == "proxy":
        asked.rest = ""
    asked.watch = deprecated_watch or (not asked.name and request.flag("watch"))
    asked.verb = (VERBS_OF_ONE if asked.name else VERBS_OF_MANY).get(method, "" if method.islower() else method.lower())
    if asked.watch and method == "GET":
        asked.verb = "watch"
    return asked


def resolve(asked: Asked) -> Kind:
    """The kind a path names. Raises ApiError: 404 for what is not served, 405 for a verb it does not have."""
    kind = served().get((asked.group, asked.version, asked.plural))
    if kind is None or (asked.namespace and not kind.namespaced):
        raise no_such_path()
    if kind.namespaced and asked.name and not asked.namespace:
        raise no_such_path()
    if asked.name and not asked.subresource and "get" not in kind.verbs:
        raise no_such_path()
    wrong = f"may not be '{asked.name}'" if asked.name in (".", "..") else "may not contain '%'" if "%" in asked.name else ""
    if wrong:
        raise bad_request(f'Name parameter invalid: "{asked.name}": {wrong}')
    if not asked.subresource:
        if asked.verb not in kind.verbs or (asked.verb != "watch" and (asked.verb in OF_MANY) is bool(asked.name)):
            raise method_not_allowed()
        if kind.namespaced and not asked.namespace and asked.verb not in ("list", "watch"):
            raise method_not_allowed()
        return kind
    verbs = subresource_verbs().get((asked.group, asked.plural, asked.subresource))
    if verbs is None or (asked.rest and asked.subresource != "proxy") or asked.watch:
        raise no_such_path()
    if asked.verb not in verbs and not (asked.subresource == "proxy" and asked.verb in ("head", "options")):
        raise method_not_allowed()
    return kind


class PageNotFound(ApiError):
    """A path outside the API: plain text, no Status."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found\n")
