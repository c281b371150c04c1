"""Who may do what: tokens, roles, impersonation, and the words of a refusal."""

from __future__ import annotations

import pytest

from shallowdive.embedded.cluster import Cluster, Settings
from tests.plain.embedded.asking import MAPS, PODS, Asking

OWNER = "the-owners-own-token"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
ACCOUNT = {"kind": "ServiceAccount", "name": "bot", "namespace": "default"}
BOT = "system:serviceaccount:default:bot"
ME, MAY_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def owner() -> Asking:
    owner = Asking(Cluster(Settings(seed=1, speed=0, token=OWNER)), OWNER)
    owner.made("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "bot"}})
    return owner


def token(owner: Asking, **spec: object) -> str:
    made: str = owner.made("/api/v1/namespaces/default/serviceaccounts/bot/token", {"spec": spec})["status"]["token"]
    return made


@pytest.fixture
def bot(owner: Asking) -> Asking:
    return Asking(owner.cluster, token(owner))


def grant(owner: Asking, *rules: dict[str, list[str]], name: str = "given") -> None:
    owner.made(ROLES, {"metadata": {"name": name}, "rules": list(rules)})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    owner.made(BINDINGS, {"metadata": {"name": name}, "subjects": [ACCOUNT], "roleRef": role})


def rule(verbs: str, resources: str, group: str = "", **more: list[str]) -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()} | more


def test_without_a_token_only_health_and_version_answer(owner: Asking) -> None:
    stranger = Asking(owner.cluster)
    assert [stranger.get(path).code for path in ("/healthz", "/livez", "/readyz", "/version")] == [200] * 4
    refused = stranger.get(PODS)
    assert refused.code == 403
    assert (
        refused.body["message"]
        == 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    assert stranger.get("/metrics").body["message"] == 'forbidden: User "system:anonymous" cannot get path "/metrics"'


def test_a_token_of_nobody_is_401(owner: Asking) -> None:
    for wrong in ("abc", token(owner)[:-2] + "xx", OWNER + "x"):
        answer = Asking(owner.cluster, wrong).get(PODS)
        assert (answer.code, answer.body["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "method, path, message",
    [("GET", PODS, 'pods is forbidden: User "{}" cannot list resource "pods" in API group "" in the namespace "default"'),
     ("GET", PODS + "/one", 'pods "one" is forbidden: User "{}" cannot get resource "pods" in API group "" in the namespace "default"'),
     ("GET", PODS + "/one/log",
       'pods "one" is forbidden: User "{}" cannot get resource "pods/log" in API group "" in the namespace "default"'),
     ("DELETE", PODS, 'pods is forbidden: User "{}" cannot deletecollection resource "pods" in API group "" in the namespace "default"'),
     ("POST", "/apis/apps/v1/namespaces/default/deployments",
      'deployments.apps is forbidden: User "{}" cannot create resource "deployments" in API group "apps" in the namespace "default"'),
     ("GET", "/api/v1/nodes", 'nodes is forbidden: User "{}" cannot list resource "nodes" in API group "" at the cluster scope'),
     ("GET", "/api/v1/foos", 'foos is forbidden: User "{}" cannot list resource "foos" in API group "" at the cluster scope')],
)  # fmt: skip
def test_a_refusal_says_who_cannot_do_what_where(bot: Asking, method: str, path: str, message: str) -> None:
    answer = bot.ask(method, path, {})
    assert (answer.code, answer.body["message"]) == (403, message.format(BOT))


def test_a_role_is_in_effect_as_soon_as_it_is_bound_and_gone_with_its_binding(owner: Asking, bot: Asking) -> None:
    assert bot.get(MAPS).code == 403
    grant(owner, rule("get list", "configmaps"))
    assert bot.get(MAPS).code == 200
    assert bot.get("/api/v1/configmaps").code == 403, "one namespace, not all"
    assert bot.post(MAPS, {"metadata": {"name": "a"}}).code == 403
    owner.delete(f"{BINDINGS}/given")
    assert bot.get(MAPS).code == 403


def test_a_rule_may_be_about_names_and_subresources(owner: Asking, bot: Asking) -> None:
    owner.maps("mine", "other")
    grant(owner, rule("get", "configmaps", resourceNames=["mine"]), rule("get", "*/log"))
    assert [bot.get(f"{MAPS}/{name}").code for name in ("mine", "other")] == [200, 403]
    assert [bot.get(f"{PODS}/none{rest}").code for rest in ("/log", "")] == [404, 403]


def test_a_binding_to_a_role_that_is_not_there_is_named_in_the_refusal(owner: Asking, bot: Asking) -> None:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ghost"}
    owner.made(BINDINGS, {"metadata": {"name": "b"}, "subjects": [ACCOUNT], "roleRef": role})
    assert bot.get(MAPS).body["message"].endswith(': RBAC: role.rbac.authorization.k8s.io "ghost" not found')


def test_nobody_gives_away_what_they_do_not_have(owner: Asking, bot: Asking) -> None:
    grant(owner, rule("get list create update patch delete", "roles rolebindings", "rbac.authorization.k8s.io"), rule("get", "configmaps"))
    assert bot.post(ROLES, {"metadata": {"name": "small"}, "rules": [rule("get", "configmaps")]}).code == 201
    answer = bot.post(ROLES, {"metadata": {"name": "big"}, "rules": [rule("get list", "configmaps secrets")]})
    assert answer.code == 403
    assert "is attempting to grant RBAC permissions not currently held:\n" in answer.body["message"]
    assert '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}' in answer.body["message"]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    assert bot.post(BINDINGS, {"metadata": {"name": "up"}, "subjects": [ACCOUNT], "roleRef": role}).code == 403


def test_a_token_ends_when_it_expires(owner: Asking) -> None:
    bot = Asking(owner.cluster, token(owner, expirationSeconds=600))
    assert bot.post(ME, {}).body["status"]["userInfo"]["username"] == BOT
    owner.cluster.advance(601)
    assert bot.post(ME, {}).code == 401


def test_a_token_ends_with_its_account(owner: Asking, bot: Asking) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts"
    owner.delete(f"{path}/bot")
    assert bot.post(ME, {}).code == 401
    owner.made(path, {"metadata": {"name": "bot"}})
    assert bot.post(ME, {}).code == 401, "an account of the same name is another account"


def test_a_token_for_another_audience_opens_nothing_here(owner: Asking) -> None:
    assert Asking(owner.cluster, token(owner, audiences=["vault"])).get("/api").code == 401


@pytest.mark.parametrize("seconds, words", [(60, "less than 10 minutes"), (600000000000, "larger than 2^32 seconds")])
def test_a_token_has_a_shortest_and_a_longest_life(owner: Asking, seconds: int, words: str) -> None:
    answer = owner.post("/api/v1/namespaces/default/serviceaccounts/bot/token", {"spec": {"expirationSeconds": seconds}})
    assert answer.code == 422
    assert answer.body["message"].endswith(f"spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration {words}")


def test_a_review_says_what_is_allowed_and_by_which_binding(owner: Asking, bot: Asking) -> None:
    asked = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}}
    assert bot.post(MAY_I, asked).body["status"] == {"allowed": False}
    grant(owner, rule("list", "pods"))
    reason = 'RBAC: allowed by RoleBinding "given/default" of Role "given" to ServiceAccount "bot/default"'
    assert bot.post(MAY_I, asked).body["status"] == {"allowed": True, "reason": reason}
    assert owner.post(MAY_I, asked).body["status"]["allowed"]
    assert bot.post(MAY_I, {"spec": {}}).code == 422


def test_the_owner_may_look_through_the_eyes_of_others(owner: Asking) -> None:
    as_bot = {"impersonate-user": BOT}
    info = owner.post(ME, {}, headers=as_bot).body["status"]["userInfo"]
    assert info["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    assert owner.get(PODS, headers=as_bot).code == 403
    info = owner.post(ME, {}, headers={"impersonate-user": "ann", "impersonate-group": "dev", "impersonate-extra-team": "red"}).body[
        "status"
    ]["userInfo"]
    assert info == {"username": "ann", "groups": ["dev", "system:authenticated"], "extra": {"team": ["red"]}}
    assert owner.get(PODS, headers={"impersonate-group": "dev"}).code == 400


def test_others_may_not_impersonate(bot: Asking) -> None:
    answer = bot.get(PODS, headers={"impersonate-user": "ann"})
    assert answer.code == 403
    assert "cannot impersonate-on:user-info:list resource" in answer.body["message"]


def test_a_token_review_knows_whose_token_it_is(owner: Asking) -> None:
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = owner.post(path, {"spec": {"token": token(owner)}}).body["status"]
    assert (status["authenticated"], status["user"]["username"]) == (True, BOT)
    assert owner.post(path, {"spec": {"token": "abc"}}).body["status"] == {"user": {}, "error": "invalid bearer token"}


def test_the_knobs_of_the_cluster_are_its_owners(owner: Asking, bot: Asking) -> None:
    assert owner.get("/shallowdive").body["backend"] == "embedded"
    assert bot.get("/shallowdive").code == 403
    assert bot.put("/shallowdive/clock", {"speed": 5}).code == 403
    assert owner.put("/shallowdive/clock", {"speed": "fast"}).code == 400
    assert owner.post("/shallowdive/nodes/ghost/stop", {}).code == 404
