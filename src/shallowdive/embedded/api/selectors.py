"""Label and field selectors as a query writes them: `app in (a, b),tier!=db` and `status.phase=Running`.

Both become a function of an object. Which fields a kind can be asked by is a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.status import bad_request
from shallowdive.embedded.store import Object

Matches = Callable[[Object], bool]

TOKEN = re.compile(r"\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)")
OPERATORS = {"=", "==", "!=", "in", "notin", ">", "<"}
PART = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{PART}')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    f"an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({PART})?')"
)


class Requirement(NamedTuple):
    key: str
    operator: str
    values: frozenset[str]

    def matches(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
        if value is None or not re.fullmatch(r"[-+]?\d+", value):
            return False
        limit = int(next(iter(self.values)))
        return int(value) > limit if self.operator == ">" else int(value) < limit


class _Reader:
    """The tokens of one label selector, from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = [*TOKEN.findall(text), ""]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at]

    def take(self) -> str:
        token = self.tokens[self.at]
        self.at += token != ""
        return token

    def requirement(self) -> Requirement:
        negated = self.peek() == "!" and self.take()
        key = self.take()
        if key == "" or key in "=!,()<>" or key in ("==", "!="):
            raise bad_request(f"unable to parse requirement: found '{key}', expected: identifier")
        check_key(key)
        if negated:
            return Requirement(key, "!", frozenset())
        if self.peek() in ("", ","):
            return Requirement(key, "exists", frozenset())
        operator = self.take()
        if operator not in OPERATORS:
            raise bad_request(f"unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.values() if operator in ("in", "notin") else [self.value()]
        for number, value in enumerate(values):
            if operator in "<>" and not re.fullmatch(r"[-+]?\d+", value):
                problem = "for 'Gt', 'Lt' operators, the value must be an integer"
                raise bad_request(f'unable to parse requirement: values[{number}]: Invalid value: "{value}": {problem}')
            problem = value_problem(value)
            if problem:
                raise bad_request(f'unable to parse requirement: values[{number}][{key}]: Invalid value: "{value}": {problem}')
        return Requirement(key, operator, frozenset(values))

    def value(self) -> str:
        return "" if self.peek() in ("", ",") else self.take()

    def values(self) -> list[str]:
        opened = self.take()
        if opened != "(":
            raise bad_request(f"unable to parse requirement: found '{opened}' expected: '('")
        found: list[str] = []
        if self.peek() == ")":
            self.take()
            return [""]
        while True:
            token = self.take()
            if token == ",":
                found.append("")
                continue
            if token == ")":
                return [*found, ""]
            if token == "" or token in OPERATORS | {"!", "("}:
                raise bad_request(f"unable to parse requirement: found '{token}', expected: ',', ')' or identifier")
            found.append(token)
            token = self.take()
            if token == ")":
                return found
            if token != ",":
                raise bad_request(f"unable to parse requirement: found '{token}', expected: ',' or ')'")


def check_key(key: str) -> None:
    """Raises ApiError 400 for what cannot be a label's key."""
    prefix, slash, name = key.rpartition("/")
    problem = ""
    if "/" in prefix:
        problem = f"a valid label key {NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    elif slash and not prefix:
        problem = "prefix part must be non-empty"
    elif not name:
        problem = "name part must be non-empty"
    elif len(name) > 63:
        problem = "name part must be no more than 63 bytes"
    elif not re.fullmatch(PART, name):
        problem = f"name part {NAME_RULE}"
    if problem:
        raise bad_request(f'unable to parse requirement: <nil>: Invalid value: "{key}": {problem}')


def value_problem(value: str) -> str:
    """What is wrong with a label's value; '' for nothing."""
    if len(value) > 63:
        return "must be no more than 63 bytes"
    return "" if re.fullmatch(f"({PART})?", value) else VALUE_RULE


@lru_cache(512)
def requirements(text: str) -> tuple[Requirement, ...]:
    """A label selector, read. Raises ApiError 400."""
    reader = _Reader(text)
    found: list[Requirement] = []
    while reader.peek() or found:
        if reader.peek() in ("=", "==", "!=", ",", "(", ")", "<", ">"):
            raise bad_request(f"found '{reader.peek()}', expected: !, identifier, or 'end of string'")
        found.append(reader.requirement())
        token = reader.take()
        if token == "":
            break
        if token != ",":
            raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
        if reader.peek() in ("", ","):
            raise bad_request(f"found '{reader.peek()}', expected: identifier after ','")
    return tuple(found)


# fields

NAMES = ("metadata.name", "metadata.namespace")
EVENT_FIELDS = {
    **{f"involvedObject.{f}": "" for f in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")},
    "reason": "", "reportingComponent": "", "source": "source.component", "type": "",
}  # fmt: skip
FIELDS: dict[str, dict[str, str]] = {
    "pods": {
        **{f"spec.{f}": "" for f in ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName", "hostNetwork")},
        **{f"status.{f}": "" for f in ("phase", "podIP", "nominatedNodeName")},
    },
    "nodes": {"spec.unschedulable": ""},
    "namespaces": {"status.phase": "", "name": "metadata.name"},
    "secrets": {"type": ""},
    "services": {"spec.clusterIP": "", "spec.type": ""},
    "replicationcontrollers": {"status.replicas": ""},
    "events": EVENT_FIELDS,
    "events.events.k8s.io": {f.replace("involvedObject.", "regarding.").replace("reportingComponent", "reportingController"): p or f
                             for f, p in EVENT_FIELDS.items()},
    "jobs.batch": {"status.successful": "status.succeeded"},
}  # fmt: skip
"""The fields a kind can be selected by, beside its name; the value is the path in the object, '' for the same."""
UNSET = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0", "status.successful": "0"}
LABEL_NOT_SUPPORTED = {
    "pods",
    "nodes",
    "namespaces",
    "secrets",
    "services",
    "replicationcontrollers",
    "events",
    "events.events.k8s.io",
    "jobs.batch",
}


class FieldTerm(NamedTuple):
    field: str
    path: tuple[str, ...]
    equal: bool
    value: str

    def matches(self, value: Object) -> bool:
        found: Any = value
        for step in self.path:
            found = found.get(step) if isinstance(found, dict) else None
        if found is None:
            found = UNSET.get(self.field, "")
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return (text == self.value) is self.equal


@lru_cache(512)
def field_terms(kind: Kind, text: str) -> tuple[FieldTerm, ...]:
    """A field selector, read. Raises ApiError 400 for a field this kind cannot be selected by."""
    found = []
    for part in re.split(r"(?<!\\),", text):
        if not part:
            continue
        term = re.fullmatch(r"(.*?)(!=|==|=)(.*)", part, re.DOTALL)
        if term is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        field, operator, value = term.groups()
        if not field and not value:
            continue
        known = FIELDS.get(kind.resource, {})
        if field not in known and field not in NAMES:
            if kind.resource in LABEL_NOT_SUPPORTED:
                raise bad_request(f"field label not supported: {field}")
            raise bad_request(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')
        path = known.get(field) or field
        found.append(FieldTerm(field, tuple(path.split(".")), operator != "!=", re.sub(r"\\([,=\\])", r"\1", value)))
    return tuple(found)


def matcher(kind: Kind, labels: str, fields: str) -> Matches | None:
    """The two selectors of a query as one function; None when they select everything. Raises ApiError 400."""
    wanted, terms = requirements(labels), field_terms(kind, fields)
    if not wanted and not terms:
        return None

    def matches(value: Object) -> bool:
        for term in terms:
            if not term.matches(value):
                return False
        if wanted:
            have = value["metadata"].get("labels") or {}
            for requirement in wanted:
                if not requirement.matches(have):
                    return False
        return True

    return matches


def name_in(terms: tuple[FieldTerm, ...]) -> str:
    """The one name that the terms select, '' when they select by something else too."""
    names = {t.value for t in terms if t.field == "metadata.name" and t.equal}
    return names.pop() if len(names) == 1 else ""
