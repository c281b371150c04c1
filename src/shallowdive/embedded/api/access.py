"""Who asks, and whether they may: tokens, impersonation, roles.

The holder of the cluster's own token is called as the user of a kind kubeconfig and may do everything, whatever the roles say.
A cluster that was given no token has no transport: whoever can call it without credentials owns it."""

from __future__ import annotations

import json
from hmac import compare_digest
from typing import TYPE_CHECKING

from shallowdive.embedded.api.rbac import Action, Rbac, Rule, exceeding
from shallowdive.embedded.api.route import Asked
from shallowdive.embedded.api.tokens import Tokens, account_user
from shallowdive.embedded.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES, Kind
from shallowdive.embedded.request import Request, User
from shallowdive.embedded.status import ApiError, bad_request, forbidden, forbidden_path, unauthorized
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

MASTERS = "system:masters"
OWNER = User("kubernetes-admin", ("kubeadm:cluster-admins", "system:authenticated"))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def may_do_all(user: User) -> bool:
    return user is OWNER or MASTERS in user.groups


class Access:
    def __init__(self, cluster: Cluster) -> None:
        self.tokens = Tokens(cluster)
        self.rbac = Rbac(cluster.store)
        self._owner_token = cluster.settings.token

    # who

    def authenticate(self, request: Request) -> User:
        """Raises ApiError 401 for a bad token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS if self._owner_token else OWNER
        found = self.user(token.strip())
        if found is None:
            raise unauthorized()
        return found

    def user(self, token: str, audiences: list[str] | None = None) -> User | None:
        """Whose token it is; None for nobody's."""
        if self._owner_token and compare_digest(token.encode(), self._owner_token.encode()):
            return OWNER
        return self.tokens.user(token, audiences)

    def impersonated(self, user: User, request: Request, asked: Asked) -> User:
        """Who the request is to be looked at as: somebody else when its headers say so. Raises ApiError: 400, 403."""
        headers = request.headers
        name = headers.get("impersonate-user", "")
        groups = [group.strip() for group in headers.get("impersonate-group", "").split(",") if group.strip()]
        uid = headers.get("impersonate-uid", "")
        if not name and not groups and not uid:
            return user
        if not name:
            listed = f"{{{', '.join(json.dumps(group) for group in groups)}}}" if groups else "(nil)"
            who = f'&user.DefaultInfo{{Name:"", UID:{json.dumps(uid)}, Groups:[]string{listed}, Extra:map[string][]string(nil)}}'
            raise bad_request(f"requested {who} without impersonating a user name")
        wanted = [Action("impersonate", "", "groups", "", group) for group in groups]
        if name.startswith("system:serviceaccount:") and name.count(":") == 3:
            _, _, namespace, account = name.split(":")
            wanted.insert(0, Action("impersonate", "", "serviceaccounts", namespace, account))
            groups, what = groups or list(account_user(namespace, account).groups[:2]), "serviceaccount"
        else:
            wanted.insert(0, Action("impersonate", "", "users", "", name))
            what = "user-info"
        if not all(self.allows(user, action) for action in wanted):
            action = action_of(asked)
            raise refused(user, action._replace(verb=f"impersonate-on:{what}:{action.verb}"), self.rbac.missing(user, action.namespace))
        everyone = "system:unauthenticated" if name == ANONYMOUS.name else "system:authenticated"
        extra = {h.removeprefix("impersonate-extra-"): [v] for h, v in headers.items() if h.startswith("impersonate-extra-")}
        return User(name, tuple(dict.fromkeys([*groups, everyone])), uid, extra)

    # whether

    def allows(self, user: User, action: Action) -> bool:
        return may_do_all(user) or self.rbac.allows(user, action)

    def authorize(self, user: User, asked: Asked) -> None:
        """Raises ApiError 403."""
        if may_do_all(user):
            return
        if not asked.is_resource:
            verb = {"head": "get"}.get(asked.verb, asked.verb)
            if not self.rbac.allows(user, Action(verb, path=asked.path)):
                raise forbidden_path(user.name, verb, asked.path)
            return
        action = action_of(asked)
        if not self.rbac.allows(user, action):
            raise refused(user, action, self.rbac.missing(user, action.namespace))

    def check_grant(self, user: User, kind: Kind, value: Object) -> None:
        """Nobody gives away by a role or a binding what they do not have. Raises ApiError 403."""
        if may_do_all(user) or kind.resource not in (ROLES, CLUSTERROLES, ROLEBINDINGS, CLUSTERROLEBINDINGS):
            return
        namespace, name = value["metadata"].get("namespace", ""), value["metadata"].get("name", "")
        if kind.resource in (ROLES, CLUSTERROLES):
            action = Action("escalate", kind.group, kind.plural, namespace, name)
            wanted: list[Rule] = list(value.get("rules") or ())
        else:
            reference = value["roleRef"]
            plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
            action = Action("bind", kind.group, plural, namespace, reference["name"])
            found = self.rbac.rules_of(reference, namespace)
            if found is None:
                raise ApiError(404, "NotFound", f'{plural}.{kind.group} "{reference["name"]}" not found')
            wanted = found
        if self.rbac.allows(user, action):
            return
        missing = exceeding(wanted, self.rbac.rules(user, namespace))
        if missing:
            raise forbidden(kind.resource, name, escalation(user, missing))


def action_of(asked: Asked) -> Action:
    resource = f"{asked.plural}/{asked.subresource}" if asked.subresource else asked.plural
    inside = asked.name if (asked.group, asked.plural) == ("", "namespaces") else asked.namespace  # a namespace is in itself
    return Action(asked.verb, asked.group, resource, inside, asked.name)


def refused(user: User, action: Action, missing: list[str]) -> ApiError:
    where = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
    why = f'User "{user.name}" cannot {action.verb} resource "{action.resource}" in API group "{action.group}" {where}'
    if missing:
        listed = missing[0] if len(missing) == 1 else "[" + ", ".join(missing) + "]"
        why += f": RBAC: {listed}"
    plural = action.resource.partition("/")[0]
    return forbidden(f"{plural}.{action.group}" if action.group else plural, action.name, why)


RULE_FIELDS = (("apiGroups", "APIGroups"), ("resources", "Resources"), ("resourceNames", "ResourceNames"),
               ("nonResourceURLs", "NonResourceURLs"), ("verbs", "Verbs"))  # fmt: skip


def escalation(user: User, rules: list[Rule]) -> str:
    groups = " ".join(json.dumps(group) for group in user.groups)
    merged: dict[str, Rule] = {}
    for rule in rules:
        key = json.dumps({name: part for name, part in rule.items() if name != "verbs"})
        merged.setdefault(key, {**rule, "verbs": []})["verbs"] += rule["verbs"]
    lines = []
    for rule in merged.values():
        lines.append("{" + ", ".join(f"{word}:{_go_list(rule[name])}" for name, word in RULE_FIELDS if name in rule) + "}")
    held = "is attempting to grant RBAC permissions not currently held:\n"
    return f'user "{user.name}" (groups=[{groups}]) {held}' + "\n".join(sorted(lines))


def _go_list(values: list[str]) -> str:
    return "[" + " ".join(json.dumps(value) for value in values) + "]"
