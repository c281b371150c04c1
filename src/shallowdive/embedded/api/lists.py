"""Lists: selectors, pages with `limit` and `continue`, and lists of an earlier moment.

A page says at which revision the list was taken; its `continue` goes on at that revision as long as the history reaches back."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from shallowdive.embedded.api import events, selectors
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.request import Request
from shallowdive.embedded.status import ApiError, Cause, bad_request, expired, invalid
from shallowdive.embedded.store import Event, Expired, Key, Store

MATCHES = ("Exact", "NotOlderThan", "")
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted "
    "between the time the first chunk was returned and now may show up in the list."
)


@dataclass(slots=True)
class ListOptions:
    """The query of a list or a watch, checked. `revision` is None when unset."""

    labels: str
    fields: str
    limit: int
    continue_: str
    revision: int | None
    match: str
    initial_events: bool | None
    timeout_s: int


def options(request: Request, *, watch: bool) -> ListOptions:
    """Raises ApiError: 400 for what cannot be read, 422 for what does not go together."""
    one = request.one
    selectors.requirements(one("labelSelector"))
    initial = request.flag("sendInitialEvents") if "sendInitialEvents" in request.query else None
    limit, timeout_s = integer(one("limit", "0")), integer(one("timeoutSeconds", "0"))
    text, match, continue_ = one("resourceVersion"), one("resourceVersionMatch"), one("continue")
    found: list[tuple[str, str]] = []
    if watch and continue_ and initial is None:
        found.append(("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    elif watch and match and initial is None:
        found.append(("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
    elif watch and initial is not None and match != "NotOlderThan":
        found.append(("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    elif not watch:
        found = _of_list(text, match, continue_, initial)
    if found:
        raise invalid("ListOptions", "meta.k8s.io", "", [Cause(f, "FieldValueForbidden", f"Forbidden: {why}") for f, why in found])
    if match not in MATCHES:
        words = f'Unsupported value: "{match}": supported values: ' + ", ".join(f'"{m}"' for m in MATCHES)
        raise invalid("ListOptions", "meta.k8s.io", "", [Cause("resourceVersionMatch", "FieldValueNotSupported", words)])
    if continue_ and text not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    revision = _revision(text, watch=watch) if text else None
    return ListOptions(one("labelSelector"), one("fieldSelector"), limit, continue_, revision, match, initial, timeout_s)


def _of_list(text: str, match: str, continue_: str, initial: bool | None) -> list[tuple[str, str]]:
    found = []
    if initial is not None:
        found.append(("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if match and not text:
        found.append(("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if match and continue_:
        found.append(("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    if match == "Exact" and text == "0":
        found.append(("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    return found


def integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _revision(text: str, *, watch: bool) -> int:
    if not text.isdigit():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", why) if watch else bad_request(f"invalid resource version: {why}")
    return int(text)


class Page(NamedTuple):
    """What a list answers: the newest event of each object in it, and the list's own metadata."""

    events: list[Event]
    metadata: Mapping[str, object]


class Selection(NamedTuple):
    """Which objects of a kind a list or a watch is about."""

    kind: Kind
    namespace: str
    matches: Callable[[Event], bool] | None


def selection(kind: Kind, namespace: str, wanted: ListOptions) -> Selection:
    matches = selectors.matcher(kind, wanted.labels, wanted.fields)
    return Selection(kind, namespace, None if matches is None else lambda event: matches(event.object))


def page(store: Store, chosen: Selection, wanted: ListOptions) -> Page:
    """Raises ApiError: 400 for a bad token, 410 when the moment asked for is forgotten, 504 when it has not come."""
    kind, revision, after = chosen.kind, store.revision, None
    if wanted.continue_:
        revision, after = _token(wanted.continue_)
    elif wanted.revision and (wanted.match == "Exact" or (wanted.limit and not wanted.match)):
        revision = wanted.revision
    if max(revision, wanted.revision or 0) > store.revision:
        raise _too_large(max(revision, wanted.revision or 0), store.revision)
    found = _at(store, kind, revision if revision > 0 else store.revision, chosen.namespace or None, after)
    if revision <= 0:
        revision = store.revision
    if after is not None:
        found = [event for event in found if event.key > after]
    if chosen.matches is not None:
        found = [event for event in found if chosen.matches(event)]
    limit = 0 if wanted.revision == 0 else wanted.limit
    if limit <= 0 or len(found) <= limit:
        return Page(found, {"resourceVersion": str(revision)})
    metadata: dict[str, object] = {"resourceVersion": str(revision), "continue": _make_token(revision, found[limit - 1].key)}
    if chosen.matches is None:
        metadata["remainingItemCount"] = len(found) - limit
    return Page(found[:limit], metadata)


def _at(store: Store, kind: Kind, revision: int, namespace: str | None, after: Key | None) -> list[Event]:
    stored = events.stored_as(kind)
    if revision == store.revision:
        return events.shown(kind, store.latest(stored, namespace))
    try:
        return events.shown(kind, store.latest_at(stored, revision, namespace))
    except Expired:
        if after is None:
            raise expired("The resourceVersion for the provided list is too old.") from None
        error = expired(TOO_OLD)
        error.status["metadata"] = {"continue": _make_token(-1, after)}
        raise error from None


def check_not_future(text: str, current: int) -> None:
    """A read of one object may name a revision that it must not be older than. Raises ApiError: 400, 504."""
    if text and _revision(text, watch=False) > current:
        raise _too_large(int(text), current)


def _too_large(revision: int, current: int) -> ApiError:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {revision}, current: {current}"
    error = ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
    error.headers["Retry-After"] = "1"
    return error


def _make_token(revision: int, last: Key) -> str:
    """The real server's shape; clients must not look inside."""
    token = orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": "/".join(last) + "\0"})
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _token(text: str) -> tuple[int, Key]:
    why = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:  # also for letters outside ASCII
        raise bad_request(f"{why}illegal base64 data at input byte {_bad_letter(text)}") from None
    try:
        value = orjson.loads(raw)
        version, revision, start = value.get("v", ""), value.get("rv", 0), value.get("start", "")
    except (orjson.JSONDecodeError, AttributeError):
        raise bad_request(f"{why}invalid character '{raw[:1].decode('latin-1')}' looking for beginning of value") from None
    if version != "meta.k8s.io/v1":
        raise bad_request(f"{why}server does not recognize this encoded version {version}")
    if type(revision) is not int or revision == 0 or type(start) is not str:
        raise bad_request(f"{why}incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    namespace, _, name = start.rstrip("\0").rpartition("/")
    return revision, (namespace, name)


def _bad_letter(text: str) -> int:
    return next((at for at, letter in enumerate(text) if not re.match(r"[-\w]", letter, re.ASCII)), len(text) // 4 * 4)
