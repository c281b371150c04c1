"""The shapes that names, keys and values must have, and what the API says of one that has not. Pure; an empty list means fine."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import orjson

from shallowdive.embedded.status import Cause

Rule = Callable[[str], list[str]]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
NOT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    f"character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL.pattern}')"
)
NOT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN.pattern}')"
)
NOT_WILDCARD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric "
    "characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is "
    rf"'\*\.{SUBDOMAIN.pattern}')"
)
NAME_TAIL = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{NAME_PART.pattern}')"
)
NOT_A_KEY = f"a valid label key {NAME_TAIL} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
NOT_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({NAME_PART.pattern})?')"
)
NOT_CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
    f"regex used for validation is '{CONFIG_KEY.pattern}')"
)
NOT_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NOT_A_PORT = "must be between 1 and 65535, inclusive"
NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"


class Found(list[Cause]):
    """The causes found so far, each added in the API's words."""

    def invalid(self, path: str, value: Any, why: str) -> None:
        text = shown(value)
        self.append(Cause(path, "FieldValueInvalid", "Invalid value: " + (f"{text}: {why}" if text else why)))

    def required(self, path: str, why: str = "") -> None:
        self.append(Cause(path, "FieldValueRequired", "Required value" + (f": {why}" if why else "")))

    def forbidden(self, path: str, why: str) -> None:
        self.append(Cause(path, "FieldValueForbidden", f"Forbidden: {why}"))

    def duplicate(self, path: str, value: Any, why: str = "") -> None:
        self.append(Cause(path, "FieldValueDuplicate", f"Duplicate value: {shown(value)}" + (f": {why}" if why else "")))

    def not_found(self, path: str, value: Any) -> None:
        self.append(Cause(path, "FieldValueNotFound", f"Not found: {shown(value)}"))

    def too_long(self, path: str, limit: int) -> None:
        self.append(Cause(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes"))

    def one_of(self, path: str, value: Any, allowed: Iterable[str]) -> None:
        """`value` must be one of these."""
        names = list(allowed)
        if value not in names:
            listed = ", ".join(f'"{name}"' for name in names)
            self.append(Cause(path, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}"))

    def check(self, path: str, value: str, rule: Rule) -> None:
        for why in rule(value):
            self.invalid(path, value, why)

    def at_least_zero(self, path: str, owner: dict[str, Any], *names: str) -> None:
        for name in names:
            if owner.get(name, 0) < 0:
                self.invalid(f"{path}.{name}", owner[name], NEGATIVE)


def shown(value: Any) -> str:
    """A value as error messages print it."""
    return value.text if isinstance(value, Go) else orjson.dumps(_sorted(value)).decode()


def _sorted(value: Any) -> Any:
    """Maps of strings are printed by key."""
    if type(value) is dict:
        plain = all(type(below) is str for below in value.values())
        return dict(sorted(value.items())) if plain else {name: _sorted(below) for name, below in value.items()}
    return [_sorted(below) for below in value] if type(value) is list else value


class Go:
    """A value that the server prints from its own types, not from the object's JSON."""

    def __init__(self, text: str) -> None:
        self.text = text


@lru_cache(maxsize=4096)
def _label(value: str) -> tuple[str, ...]:
    found = [] if LABEL.fullmatch(value) else ["must not contain dots" if "." in value and SUBDOMAIN.fullmatch(value) else NOT_LABEL]
    return tuple((["must be no more than 63 characters"] if len(value) > 63 else []) + found)


def label(value: str) -> list[str]:
    """A DNS label: no dots."""
    return list(_label(value))


def subdomain(value: str) -> list[str]:
    """Labels joined by dots: most names."""
    found = [] if SUBDOMAIN.fullmatch(value) else [NOT_SUBDOMAIN]
    return (["must be no more than 253 characters"] if len(value) > 253 else []) + found


def path_segment(value: str) -> list[str]:
    """Names of RBAC objects: anything that can be part of a path."""
    found = [f"may not be '{value}'"] if value in (".", "..") else []
    return found + [f"may not contain '{letter}'" for letter in "/%" if letter in value]


@lru_cache(maxsize=4096)
def _qualified(key: str) -> tuple[str, ...]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return (NOT_A_KEY,)
    found = []
    if slash and not prefix:
        found.append("prefix part must be non-empty")
    elif slash:
        found += [f"prefix part {why}" for why in subdomain(prefix)]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 bytes")
    if not NAME_PART.fullmatch(name):
        found.append(f"name part {NAME_TAIL}")
    return tuple(found)


def qualified(key: str) -> list[str]:
    """Keys of labels and annotations: a name, with or without a prefix."""
    return list(_qualified(key))


@lru_cache(maxsize=4096)
def _label_value(value: str) -> tuple[str, ...]:
    found = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    return tuple(found + ([NOT_LABEL_VALUE] if value and not NAME_PART.fullmatch(value) else []))


def label_value(value: str) -> list[str]:
    return list(_label_value(value))


def config_key(key: str) -> list[str]:
    """Keys of ConfigMaps and Secrets: names of files."""
    found = ["must be no more than 253 characters"] if len(key) > 253 else []
    if not CONFIG_KEY.fullmatch(key):
        return [*found, NOT_CONFIG_KEY]
    if key in (".", ".."):
        return [*found, f"must not be '{key}'"]
    return [*found, "must not start with '..'"] if key.startswith("..") else found


def port_name(name: str) -> list[str]:
    found = ["must be no more than 15 characters"] if len(name) > 15 else []
    if not re.fullmatch(r"[-a-z0-9]+", name):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", name):
        found.append("must contain at least one letter (a-z)")
    if "--" in name:
        found.append("must not contain consecutive hyphens")
    return found + (["must not begin or end with a hyphen"] if name.startswith("-") or name.endswith("-") else [])


def ip(value: str) -> list[str]:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return [NOT_AN_IP]
    return []


def cidr(value: str) -> list[str]:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return [NOT_A_CIDR]
    return [] if "/" in value else [NOT_A_CIDR]


def environment_name(name: str) -> list[str]:
    if name and re.fullmatch(r"[ -<>-~]+", name):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def relative_path(path: str) -> list[str]:
    """A path inside a volume."""
    if path.startswith("/"):
        return ["must be a relative path"]
    return ["must not contain '..'"] if ".." in path.split("/") else []


def domain_path(value: str) -> list[str]:
    """`acme.io/foo`"""
    prefix, slash, path = value.partition("/")
    if not slash or not prefix or not path:
        return ['must be a domain-prefixed path (such as "acme.io/foo")']
    return subdomain(prefix)
