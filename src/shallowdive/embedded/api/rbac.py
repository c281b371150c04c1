"""Role-based access: may this user do that? The bindings are indexed by subject, once after every change of a role or binding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from shallowdive.embedded.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from shallowdive.embedded.request import User
from shallowdive.embedded.store import Event, Object, Store

Rule = dict[str, Any]
Subject = tuple[str, str]
RESOURCES = {ROLES, ROLEBINDINGS, CLUSTERROLES, CLUSTERROLEBINDINGS}


class Action(NamedTuple):
    """What somebody wants to do. `resource` holds the subresource too (`pods/log`); `path` is for what is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Grant(NamedTuple):
    """The rules a binding gives, in one namespace or ('') everywhere. `missing` names a role that does not exist."""

    namespace: str
    rules: list[Rule]
    missing: str
    because: str


class Rbac:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._grants: dict[Subject, list[Grant]] | None = None
        for resource in RESOURCES:
            store.listen(self._heard, resource)

    def _heard(self, _: Event) -> None:
        self._grants = None

    def allows(self, user: User, action: Action) -> bool:
        return self.reason(user, action) is not None

    def reason(self, user: User, action: Action) -> str | None:
        """Which binding allows an action; None when none does."""
        for grant in self.grants(user):
            if not grant.namespace or grant.namespace == action.namespace:
                for rule in grant.rules:
                    if covers(rule, action):
                        return grant.because
        return None

    def grants(self, user: User) -> Iterator[Grant]:
        if self._grants is None:
            self._grants = self._index()
        for subject in (("User", user.name), *(("Group", group) for group in user.groups)):
            yield from self._grants.get(subject, ())

    def missing(self, user: User, namespace: str) -> list[str]:
        """Roles that the user's bindings name and that do not exist: the real server says so in its refusal."""
        return [g.missing for g in self.grants(user) if g.missing and g.namespace in ("", namespace)]

    def rules(self, user: User, namespace: str) -> list[Rule]:
        """Every rule that holds for a user in a namespace."""
        return [rule for grant in self.grants(user) if grant.namespace in ("", namespace) for rule in grant.rules]

    def rules_of(self, reference: dict[str, str], namespace: str) -> list[Rule] | None:
        """The rules of the role a binding names; None when there is no such role."""
        if reference["kind"] == "ClusterRole":
            role = self._store.get(CLUSTERROLES, "", reference["name"])
        else:
            role = self._store.get(ROLES, namespace, reference["name"])
        return None if role is None else list(role.get("rules") or ())

    def _index(self) -> dict[Subject, list[Grant]]:
        found: defaultdict[Subject, list[Grant]] = defaultdict(list)
        for resource in (CLUSTERROLEBINDINGS, ROLEBINDINGS):
            for binding in self._store.objects(resource):
                namespace, reference = binding["metadata"].get("namespace", ""), binding["roleRef"]
                rules = self.rules_of(reference, namespace)
                missing = (
                    "" if rules is not None else f'{reference["kind"].lower()}.rbac.authorization.k8s.io "{reference["name"]}" not found'
                )
                for subject in binding.get("subjects") or ():
                    grant = Grant(namespace, rules or [], missing, _because(binding, subject))
                    found[_key(subject, namespace)].append(grant)
        return found


def _key(subject: Object, namespace: str) -> Subject:
    if subject["kind"] == "ServiceAccount":
        return ("User", f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}")
    return (subject["kind"], subject["name"])


def _because(binding: Object, subject: Object) -> str:
    """Why something is allowed, as a review says it."""
    meta, role = binding["metadata"], binding["roleRef"]
    name = f"{meta['name']}/{meta['namespace']}" if meta.get("namespace") else meta["name"]
    kind = "RoleBinding" if meta.get("namespace") else "ClusterRoleBinding"
    whom = f"{subject['name']}/{subject['namespace']}" if subject.get("namespace") else subject["name"]
    return f'RBAC: allowed by {kind} "{name}" of {role["kind"]} "{role["name"]}" to {subject["kind"]} "{whom}"'


def covers(rule: Rule, action: Action) -> bool:
    """Whether one rule allows an action."""
    verbs = rule.get("verbs", ())
    if action.verb not in verbs and "*" not in verbs:
        return False
    if action.path:
        return any(
            url in ("*", action.path) or (url.endswith("*") and action.path.startswith(url[:-1])) for url in rule.get("nonResourceURLs", ())
        )
    groups, resources, names = rule.get("apiGroups", ()), rule.get("resources", ()), rule.get("resourceNames", ())
    if action.group not in groups and "*" not in groups:
        return False
    _, slash, subresource = action.resource.partition("/")
    if action.resource not in resources and "*" not in resources and not (slash and f"*/{subresource}" in resources):
        return False
    return not names or action.name in names


def exceeding(wanted: list[Rule], held: list[Rule]) -> list[Rule]:
    """The parts of `wanted` that `held` does not give, each about one verb of one resource (or path)."""
    found: dict[str, Rule] = {}
    for rule in wanted:
        for part in _parts(rule):
            if not any(_includes(have, part) for have in held):
                found.setdefault(repr(part), part)
    return list(found.values())


def _parts(rule: Rule) -> Iterator[Rule]:
    verbs = rule.get("verbs", ())
    for verb, url in product(verbs, rule.get("nonResourceURLs", ())):
        yield {"nonResourceURLs": [url], "verbs": [verb]}
    names: list[Any] = rule.get("resourceNames") or [None]
    for verb, group, resource, name in product(verbs, rule.get("apiGroups", ()), rule.get("resources", ()), names):
        part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        yield part if name is None else part | {"resourceNames": [name]}


def _includes(have: Rule, part: Rule) -> bool:
    verb = part["verbs"][0]
    if "nonResourceURLs" in part:
        return covers(have, Action(verb, path=part["nonResourceURLs"][0]))
    if have.get("resourceNames") and "resourceNames" not in part:
        return False
    name = part.get("resourceNames", [""])[0]
    return covers(have, Action(verb, part["apiGroups"][0], part["resources"][0], name=name))
