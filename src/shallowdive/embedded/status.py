"""`Status`: how the API says no. One exception, one function for each reason, in the wording of the real API server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Cause(NamedTuple):
    """One reason for a refusal: which field, which kind of mistake (`FieldValueInvalid` …), and the words."""

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """A refused request. `status` is the `Status` object that the client receives."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.headers: dict[str, str] = {}
        self.status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({"details": details} if details is not None else {}),
            "code": code,
        }


def _details(resource: str, name: str, causes: Sequence[Cause] = (), kind: str = "") -> dict[str, Any]:
    plural, _, group = resource.partition(".")
    details = {"name": name, "group": group, "kind": kind or plural}
    rows = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return {k: v for k, v in details.items() if v} | ({"causes": rows} if rows else {})


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', _details(resource, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', _details(resource, name))


def name_not_free(resource: str, name: str) -> ApiError:
    """Every name that was generated exists."""
    message = f'{resource} "{name}" already exists, the server was not able to generate a unique name for the object'
    return ApiError(409, "AlreadyExists", message, _details(resource, name) | {"retryAfterSeconds": 1})


def conflict(resource: str, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with every cause; `kind` is the kind's name (`Pod`), as the real server words it."""
    words = [f"{c.field}: {c.message}" if c.field else c.message for c in causes]
    body = words[0] if len(words) == 1 else "[" + ", ".join(words) + "]"
    title = f"{kind}.{group}" if group else kind
    rows = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    details = {"name": name, "group": group, "kind": kind, "causes": rows}
    return ApiError(422, "Invalid", f'{title} "{name}" is invalid: {body}', {k: v for k, v in details.items() if v})


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, name: str, why: str) -> ApiError:
    """403. `resource` is `pods` or `deployments.apps`; `name` may be ''."""
    return ApiError(
        403,
        "Forbidden",
        f'{resource} "{name}" is forbidden: {why}' if name else f"{resource} is forbidden: {why}",
        _details(resource, name),
    )


def forbidden_path(user: str, verb: str, path: str) -> ApiError:
    return ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {})


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def too_large(message: str) -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", message)


def not_acceptable(message: str) -> ApiError:
    generic = message.startswith("406:")
    return ApiError(406, "NotAcceptable", message, {} if generic else None)


def internal_error(message: str) -> ApiError:
    """500. The real server gives no reason for those it words itself."""
    return ApiError(500, "", message)


def unsupported_media(message: str) -> ApiError:
    return ApiError(415, "UnsupportedMediaType", message)


def too_many_requests(message: str, details: dict[str, Any] | None = None) -> ApiError:
    return ApiError(429, "TooManyRequests", message, details)
