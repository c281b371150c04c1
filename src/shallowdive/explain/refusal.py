"""Why the API server refused a manifest: the path in it and what to write there.

Two readers answer: create and update name a path without list positions, apply names it exactly (and answers 500, not 400). With the
manifest that was sent the exact place and value are found for both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from shallowdive.explain.finding import Explanation, Finding
from shallowdive.explain.owners import refusal as refused_pod
from shallowdive.explain.rule import CAUSES
from shallowdive.explain.sight import clean
from shallowdive.objects import Object
from shallowdive.objects.quantities import is_amount

STRUCT = r"json: cannot unmarshal {was}(?: \S+)? into Go struct field \w+\.(?P<path>\S+) of type "
TEXT, ANY = "(?P<was>number|bool)", r"(?P<was>\w+)"
TYPED = r"failed to create typed patch object \(.*?\): \.(?P<path>.+?): "
TEXTS = (
    # (cause, what the message says); the first that fits. Of a cause's two rows, one is the reader's of create, one that of apply
    ("value-not-a-string", STRUCT.replace("{was}", TEXT) + r"(map\[string\])?string$"),
    ("value-not-a-string", TYPED + r"expected string, got (&value\.valueUnstructured\{Value:)?(?P<value>[^}]*)"),
    ("value-not-a-number", STRUCT.replace("{was}", ANY) + r"u?(int|float)\d*$"),
    ("value-not-a-number", TYPED + r"expected numeric.*, got (?P<was>\w+)"),
    ("wrong-shape", STRUCT.replace("{was}", ANY)),
    ("wrong-shape", TYPED + r"expected \w+, got"),
    ("unknown-field", r'unknown field "(?P<path>[^"]+)"'),
    ("unknown-field", TYPED + r"field not declared in schema"),
    ("quantity-invalid", r"quantities must match the regular expression"),
    ("namespace-terminating", r"in namespace (?P<value>\S+) because it is being terminated"),
    ("already-exists", r'\S+ "(?P<value>[^"]+)" already exists'),
    ("namespace-missing", r'namespaces "(?P<value>[^"]+)" not found'),
    ("kind-unknown", r"page not found|could not find the requested resource|no matches for kind"),
    ("manifest-unreadable", r"cannot be handled as|typed patch"),
)
OF_FIELDS = (
    # (cause, what the message of one of a 422's `details.causes` says); the first that fits
    ("field-immutable", r"field is immutable|may not change fields|updates to .* are forbidden"),
    ("selector-not-template", r"`selector` does not match template `labels`"),
    ("field-required", r"^Required value"),
    ("value-not-allowed", r"^Unsupported value"),
    ("name-invalid", r"RFC 1123|RFC 1035|must be no more than"),
    ("value-invalid", r""),
)


def explain_refusal(body: str | bytes | None, sent: Object | None = None) -> Explanation:
    """`body` is an ApiException's; `sent` the manifest that was refused, to name the exact place in it."""
    text = body.decode("utf-8", errors="replace") if isinstance(body, bytes) else body or ""
    try:
        status = dict(json.loads(text))
    except (ValueError, TypeError):
        status = {"message": text.strip()}
    message, subject = str(status.get("message", "")), _subject(status, sent)
    found = tuple(_of_fields(status, subject)) or tuple(_of_text(message, subject, sent))
    return Explanation(subject, "broken" if found else "unknown", found, clean(message), "the manifest")


def _subject(status: dict[str, Any], sent: Object | None) -> str:
    details = status.get("details") or {}
    kind, name = details.get("kind", ""), details.get("name", "")
    if sent:
        kind, name = sent.get("kind", kind), (sent.get("metadata") or {}).get("name", name)
    return f"{kind} {name}".strip() or "the manifest"


def _finding(cause: str, subject: str, said: str, field: str, value: str, **facts: str) -> Finding:
    words = CAUSES[cause]
    says = clean(words.says.format_map({"value": value or "it", **facts}))
    field = field or words.change
    return Finding(cause, words.group, subject, says, clean(said), field, value if field else "", "the manifest", words.certainty)


def _of_fields(status: dict[str, Any], subject: str) -> Iterator[Finding]:
    if status.get("reason") != "Invalid":
        return
    for c in (status.get("details") or {}).get("causes") or []:
        message, field = str(c.get("message", "")), str(c.get("field", ""))
        cause = next(name for name, pattern in OF_FIELDS if re.search(pattern, message))
        value = re.match(r"(?:Invalid|Unsupported) value: (.+?): ", message)
        detail = f": {message.partition(': ')[2]}" if ": " in message else ""
        words = {
            "allowed": message.partition("supported values: ")[2],
            "detail": detail,
            "message": re.sub(r"^\w+ value: .+?: ", "", message),
        }
        yield _finding(cause, subject, f"{field}: {message}", field, value.group(1) if value else "", **words)


def _of_text(message: str, subject: str, sent: Object | None) -> Iterator[Finding]:
    refused, facts = refused_pod(message)
    if refused != "creation-refused":
        yield _finding(refused, subject, message, "the manifest, or the namespace's rule", facts["limit"], **facts)
        return
    for cause, pattern in TEXTS:
        found = re.search(pattern, message)
        if not found:
            continue
        facts = {"path": "", "value": "", "was": ""} | {k: v or "" for k, v in found.groupdict().items()}
        for path, value in _places(cause, facts, sent) or [(facts["path"], facts["value"])]:
            yield _finding(cause, subject, message, path, value, was=_kind_of(facts, value))
        return


def _kind_of(facts: dict[str, str], value: str) -> str:
    said = {"bool": "truth value", "object": "map", "array": "list", "string": "text"}.get(facts["was"], facts["was"])
    return said or ("truth value" if value in ("true", "false") else "number")


WRONG: dict[str, Any] = {
    "value-not-a-string": lambda v: isinstance(v, (bool, int, float)),
    "value-not-a-number": lambda v: isinstance(v, str) or (isinstance(v, float) and v != int(v)),
    "quantity-invalid": lambda v: isinstance(v, str) and not is_amount(v),
}


def _places(cause: str, facts: dict[str, str], sent: Object | None) -> list[tuple[str, str]]:
    """(exact path, value as JSON) of everything in the manifest that fits the path and is of the wrong type."""
    if sent is None or cause not in WRONG:
        return []
    wanted = re.sub(r"\[[^\]]*\]", "", facts["path"])
    return [
        (p, json.dumps(v))
        for p, v in _leaves(sent, "")
        if WRONG[cause](v) and _plain(p).startswith(wanted) and (wanted or "resources" in p)
    ]


def _plain(path: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", path)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            at = inner.get("name", i) if isinstance(inner, dict) else i
            yield from _leaves(inner, f"{path}[{at}]")
    else:
        yield path, value
