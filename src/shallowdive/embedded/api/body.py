"""The body of a request: from bytes to an object of the right kind, with what the real server says about what is wrong in it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import orjson

from shallowdive.embedded import schema
from shallowdive.embedded.api import protobuf
from shallowdive.embedded.api.negotiate import JSON, OFFERED, PROTOBUF, YAML
from shallowdive.embedded.kinds import Kind, by_api
from shallowdive.embedded.request import Request
from shallowdive.embedded.status import ApiError, Cause, bad_request, invalid, too_large, unsupported_media
from shallowdive.embedded.store import Object

LIMIT_BYTES = 3 * 1024 * 1024
VALIDATIONS = ("", "Ignore", "Strict", "Warn")
GO_TYPES = {list: "array", str: "string", int: "number", float: "number", bool: "bool"}
HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
JSON_ERRORS = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Extra data": "after top-level value",
    "Expecting ':' delimiter": "after object key",
    "Invalid \\escape": "in string escape code",
    "Invalid control character at": "in string literal",
}
"""Python's words for broken JSON, and Go's."""


class Warnings(list[str]):
    """What the client is told in `Warning` headers of an answer that is not an error."""

    def add(self, text: str) -> None:
        if text not in self:
            self.append(text)

    def headers(self) -> dict[str, str]:
        return {"Warning": ", ".join(f"299 - {json.dumps(text)}" for text in self)} if self else {}


def content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def limited(request: Request) -> bytes:
    if len(request.body) > LIMIT_BYTES:
        raise too_large(f"Request entity too large: limit is {LIMIT_BYTES}")
    return request.body


@lru_cache(256)
def check_options(options: str, dry_run: tuple[str, ...], manager: str = "", validation: str = "") -> None:
    """The parameters that every write has; `options` names them (`CreateOptions`). Raises ApiError 422."""
    causes = []
    if any(word != "All" for word in dry_run):
        causes.append(Cause("dryRun", "FieldValueNotSupported", f'Unsupported value: {json.dumps(dry_run)}: supported values: "All"'))
    if len(manager.encode()) > 128:
        causes.append(Cause("fieldManager", "FieldValueTooLong", "Too long: may not be more than 128 bytes"))
    strange = next((at for at, letter in enumerate(manager) if not letter.isprintable()), -1)
    if strange >= 0:
        words = f"invalid character U+{ord(manager[strange]):04X} (at position {strange})"
        causes.append(Cause("fieldManager", "FieldValueInvalid", f"Invalid value: {json.dumps(manager)}: {words}"))
    if validation not in VALIDATIONS:
        supported = ", ".join(json.dumps(v) for v in VALIDATIONS)
        causes.append(
            Cause("fieldValidation", "FieldValueNotSupported", f'Unsupported value: "{validation}": supported values: {supported}')
        )
    if causes:
        raise invalid(options, "meta.k8s.io", "", causes)


def read(request: Request, kind: Kind, warnings: Warnings) -> Object:
    """The object in a body, decoded by its schema. Raises ApiError: 400, 413, 415."""
    media = content_type(request) or JSON
    if media not in OFFERED:
        raise unsupported_media("the body of the request was in an unknown format - accepted media types include: " + ", ".join(OFFERED))
    body = limited(request)
    duplicates: list[str] = []
    if media == PROTOBUF:
        value = protobuf_value(body, kind)
    else:
        if media == YAML:
            from shallowdive.embedded.api import yaml_body  # its library is not needed before the first YAML

            value = yaml_body.value_of(body, kind, duplicates)
        else:
            value = json_value(body, kind, duplicates)
        check_kind(value, body, kind)
    decoded, unknown = schema.decode(kind, {} if value is None else value)
    report(kind, duplicates + [f'unknown field "{path}"' for path in unknown], request.one("fieldValidation"), warnings)
    return decoded


def report(kind: Kind, problems: list[str], validation: str, warnings: Warnings) -> None:
    """Unknown and duplicate fields: an error under Strict, warnings by default. Raises ApiError 400."""
    if not problems or validation == "Ignore":
        return
    if validation == "Strict":
        what = ", ".join(f"yaml: unmarshal errors:\n  {p}" if p.startswith("line ") else p for p in problems)
        title = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{title}: strict decoding error: {what}")
    for problem in problems:
        warnings.add(problem)


def json_value(body: bytes, kind: Kind, duplicates: list[str]) -> Any:
    """Parsed JSON; names that appear twice in one object are put into `duplicates`."""
    try:
        value = parsed_json(body)
    except ValueError:
        reason = f"couldn't get version/kind; json parse error: {json_error(body)}"
        raise unrecognized(kind, reason, body) from None
    found, merged = duplicates_in(body, value)
    duplicates += found
    return merged


def parsed_json(body: bytes) -> Any:
    """JSON as Go reads it: letters that are not UTF-8 become U+FFFD. Raises ValueError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace")
        try:
            value = json.loads(text, parse_constant=_no_constant)
            text = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass").decode(errors="replace")
            return orjson.loads(text)
        except RecursionError:
            raise ValueError("exceeded max depth") from None


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def duplicates_in(body: bytes, value: Any) -> tuple[list[str], Any]:
    """`duplicate field "x"` for each name that appears twice in one object, and what Go makes of them: one on top of the other.

    Looked for only when the sizes differ: that is rare."""
    found: list[str] = []
    if body.count(b'":') != orjson.dumps(value).count(b'":') or b'" :' in body:
        value = json.loads(body.decode(errors="replace"), object_pairs_hook=_Pairs)
        find_duplicates(value, "", found)
        value = orjson.loads(json.dumps(value))
    return found, value


class _Pairs(dict[str, Any]):
    """A JSON object that remembers which names came twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.twice: list[str] = []
        for name, value in pairs:
            if name in self:
                self.twice.append(name)
                before = self[name]
                value = before | value if isinstance(before, dict) and isinstance(value, dict) else value
            self[name] = value


def find_duplicates(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        found += [f'duplicate field "{path}{name}"' for name in value.twice]
        for name, item in value.items():
            find_duplicates(item, f"{path}{name}.", found)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            find_duplicates(item, f"{path.removesuffix('.')}[{number}].", found)


def json_error(body: bytes) -> str:
    """Why this is not JSON, in Go's words."""
    text = body.decode(errors="replace")
    try:
        json.loads(text, parse_constant=lambda word: word)
    except RecursionError:
        return "exceeded max depth"
    except json.JSONDecodeError as error:
        at = error.pos + (error.msg == "Invalid \\escape")
        words = next((words for python, words in JSON_ERRORS.items() if error.msg.startswith(python)), "")
        if error.msg == "Expecting ',' delimiter":
            words = "after object key:value pair" if _inside_object(text[: error.pos]) else "after array element"
        if at >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            return "unexpected end of JSON input"
        letter = text[at].replace("'", "\\'")
        return f"invalid character '{letter}' {words}".rstrip()
    return "invalid character in literal"


def _inside_object(text: str) -> bool:
    depth: list[str] = []
    for letter in text:
        if letter in "{[":
            depth.append(letter)
        elif letter in "}]" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"


def protobuf_value(body: bytes, kind: Kind) -> Any:
    """A protobuf body as JSON."""
    try:
        found = protobuf.envelope(body)
        names = {"kind": found.kind, "apiVersion": found.api_version}
        check_kind({name: word for name, word in names.items() if word}, body, kind)
        return protobuf.decode(found.raw, kind.schema)
    except (protobuf.Broken, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise unrecognized(kind, str(broken), body) from None


def check_kind(value: Any, body: bytes, kind: Kind) -> None:
    """The kind and apiVersion of a body, where it names them, must be those of the path. Raises ApiError 400."""
    if value is None:
        return
    if type(value) is not dict:
        what = f"json: cannot unmarshal {GO_TYPES[type(value)]} into Go value of type {HEAD}"
        raise unrecognized(kind, f"couldn't get version/kind; json parse error: {what}", body)
    for name in ("kind", "apiVersion"):
        found = value.get(name, "")
        if found is not None and type(found) is not str:
            what = f"json: cannot unmarshal {GO_TYPES.get(type(found), 'object')} into Go struct field .{name} of type string"
            raise unrecognized(kind, f"couldn't get version/kind; json parse error: {what}", body)
    have_kind, have_version = value.get("kind") or kind.kind, value.get("apiVersion") or kind.api_version
    if (have_kind, have_version) == (kind.kind, kind.api_version):
        return
    other = by_api(have_version, have_kind)
    why = (
        f"converting ({other.version}.{other.kind}) to ({_internal(kind)}): unknown conversion"
        if other
        else f'no kind "{have_kind}" is registered for version "{have_version}" in scheme "pkg/runtime/scheme.go:111"'
    )
    shown = other.version if other else have_version
    raise bad_request(f'{have_kind} in version "{shown}" cannot be handled as a {kind.kind}: {why}')


def _internal(kind: Kind) -> str:
    return f"{kind.group.partition('.')[0] or 'core'}.{kind.kind}"


def unrecognized(kind: Kind, reason: str, body: bytes) -> ApiError:
    shown = "<empty>" if not body else body[:30].decode(errors="replace") + (" ..." if len(body) > 30 else "")
    if body and not body.startswith(b"{"):
        shown = body[:30].hex() + (" ..." if len(body) > 30 else "")
    return bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {reason} ({shown})")
