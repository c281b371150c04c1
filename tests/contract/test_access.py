"""Who may do what: authentication, RBAC, and the reviews that answer questions about both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import Api, Json, eventually
from tests.contract.conftest import Target, config_map

AUTHN, AUTHZ = "/apis/authentication.k8s.io/v1", "/apis/authorization.k8s.io/v1"
RBAC = "rbac.authorization.k8s.io"
READ = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


@pytest.fixture
def account(api: Api, own: str) -> str:
    api.made(f"/api/v1/namespaces/{own}/serviceaccounts", {"metadata": {"name": "reader"}})
    return f"/api/v1/namespaces/{own}/serviceaccounts/reader"


@pytest.fixture
def token(api: Api, account: str) -> str:
    return str(api.made(f"{account}/token", {"spec": {}})["status"]["token"])


@pytest.fixture
def reader(api: Api, token: str) -> Api:
    return api.like(token)


def allow(api: Api, own: str, rules: list[Json], subject: Json | None = None) -> None:
    path = f"/apis/{RBAC}/v1/namespaces/{own}"
    subject = subject or {"kind": "ServiceAccount", "name": "reader", "namespace": own}
    api.made(f"{path}/roles", {"metadata": {"name": "role"}, "rules": rules})
    binding = {"metadata": {"name": "binding"}, "subjects": [subject], "roleRef": {"kind": "Role", "name": "role", "apiGroup": RBAC}}
    api.made(f"{path}/rolebindings", binding)


def review(api: Api, **attributes: Any) -> Json:
    status: Json = api.made(f"{AUTHZ}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}})["status"]
    return status


def test_a_wrong_token_is_unauthorized(api: Api) -> None:
    answer = api.like("not-a-token").get("/api/v1/namespaces")
    assert answer.code == 401
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


def test_nobody_may_read_the_version_and_no_pods(api: Api) -> None:
    nobody = api.like(anonymous=True)
    assert nobody.get("/version").code == 200
    assert nobody.get("/healthz").code == 200
    answer = nobody.get("/api/v1/pods")
    assert answer.code == 403
    assert answer.body["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'
    )
    assert nobody.get("/").body["message"] == 'forbidden: User "system:anonymous" cannot get path "/"'


@pytest.mark.parametrize(
    "method, path, words",
    [
        (
            "GET",
            "/api/v1/namespaces/{ns}/configmaps",
            'configmaps is forbidden: {user} cannot list resource "configmaps" in API group "" in the namespace "{ns}"',
        ),
        (
            "GET",
            "/api/v1/namespaces/{ns}/pods/p",
            'pods "p" is forbidden: {user} cannot get resource "pods" in API group "" in the namespace "{ns}"',
        ),
        ("GET", "/api/v1/nodes", 'nodes is forbidden: {user} cannot list resource "nodes" in API group "" at the cluster scope'),
        (
            "POST",
            "/apis/apps/v1/namespaces/{ns}/deployments",
            'deployments.apps is forbidden: {user} cannot create resource "deployments" in API group "apps" in the namespace "{ns}"',
        ),
        (
            "DELETE",
            "/api/v1/namespaces/{ns}/pods",
            'pods is forbidden: {user} cannot deletecollection resource "pods" in API group "" in the namespace "{ns}"',
        ),
        (
            "GET",
            "/api/v1/namespaces/{ns}/pods/p/log",
            'pods "p" is forbidden: {user} cannot get resource "pods/log" in API group "" in the namespace "{ns}"',
        ),
    ],
)
def test_a_service_account_starts_with_nothing(api: Api, reader: Api, own: str, method: str, path: str, words: str) -> None:
    answer = reader.ask(method, path.format(ns=own), {} if method == "POST" else None)
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == words.format(ns=own, user=f'User "system:serviceaccount:{own}:reader"')


def test_a_role_and_its_binding_take_effect(api: Api, reader: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/configmaps"
    assert reader.get(path).code == 403
    allow(api, own, READ)
    eventually(lambda: reader.get(path).code == 200)
    assert reader.post(path, config_map("one")).code == 403
    assert reader.get("/api/v1/namespaces/default/configmaps").code == 403
    api.delete(f"/apis/{RBAC}/v1/namespaces/{own}/rolebindings/binding")
    eventually(lambda: reader.get(path).code == 403)


def test_a_rule_may_name_single_objects_and_subresources(api: Api, reader: Api, own: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"], "verbs": ["get"]},
             {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["*"]}]  # fmt: skip
    allow(api, own, rules)
    eventually(lambda: reader.get(f"/api/v1/namespaces/{own}/configmaps/one").code == 404)
    assert reader.get(f"/api/v1/namespaces/{own}/configmaps/two").code == 403
    assert reader.get(f"/apis/apps/v1/namespaces/{own}/deployments/x/scale").code == 404
    assert reader.get(f"/apis/apps/v1/namespaces/{own}/deployments/x").code == 403


def test_a_role_may_let_its_own_namespace_be_read_and_no_other(api: Api, reader: Api, own: str) -> None:
    allow(api, own, [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
    eventually(lambda: reader.get(f"/api/v1/namespaces/{own}").code == 200)
    assert reader.get("/api/v1/namespaces/kube-system").code == 403
    assert reader.get("/api/v1/namespaces").code == 403
    assert reader.patch(f"/api/v1/namespaces/{own}", {"metadata": {"labels": {"mine": "no"}}}).code == 403


def test_a_cluster_role_reaches_every_namespace(api: Api, reader: Api, own: str) -> None:
    binding = {
        "metadata": {"name": own}, "roleRef": {"kind": "ClusterRole", "name": "view", "apiGroup": RBAC},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": own}],
    }  # fmt: skip
    api.made(f"/apis/{RBAC}/v1/clusterrolebindings", binding)
    try:
        eventually(lambda: reader.get("/api/v1/pods").code == 200)
        assert reader.get("/api/v1/secrets").code == 403
        assert reader.get("/api/v1/nodes").code == 403
    finally:
        api.delete(f"/apis/{RBAC}/v1/clusterrolebindings/{own}")


def test_nobody_gives_more_than_they_have(api: Api, reader: Api, own: str) -> None:
    allow(api, own, [*READ, {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["create"]}])
    path = f"/apis/{RBAC}/v1/namespaces/{own}/roles"
    eventually(lambda: reader.post(path, {"metadata": {"name": "r"}, "rules": []}).code in (201, 409))
    answer = reader.post(path, {"metadata": {"name": "more"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]})
    assert answer.code == 403
    assert "is attempting to grant RBAC permissions not currently held:" in answer.body["message"]
    assert '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}' in answer.body["message"]


# ── reviews ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_admin_may_do_everything(api: Api) -> None:
    assert review(api, verb="*", resource="*", group="*")["allowed"] is True


def test_a_review_of_oneself_says_what_rbac_found(api: Api, reader: Api, own: str) -> None:
    assert review(reader, verb="get", resource="configmaps", namespace=own) == {"allowed": False}
    allow(api, own, READ)
    eventually(lambda: review(reader, verb="get", resource="configmaps", namespace=own)["allowed"])
    status = review(reader, verb="get", resource="configmaps", namespace=own)
    assert status["reason"] == f'RBAC: allowed by RoleBinding "binding/{own}" of Role "role" to ServiceAccount "reader/{own}"'
    assert review(reader, verb="delete", resource="configmaps", namespace=own)["allowed"] is False


def test_a_review_of_another_user(api: Api, own: str) -> None:
    allow(api, own, READ, {"kind": "User", "name": "jane", "apiGroup": RBAC})
    spec = {"user": "jane", "resourceAttributes": {"namespace": own, "verb": "list", "resource": "configmaps"}}
    eventually(lambda: api.made(f"{AUTHZ}/subjectaccessreviews", {"spec": spec})["status"]["allowed"])
    spec["user"] = "john"
    assert api.made(f"{AUTHZ}/subjectaccessreviews", {"spec": spec})["status"]["allowed"] is False


def test_a_review_of_a_path(api: Api, reader: Api) -> None:
    ask = {"spec": {"nonResourceAttributes": {"path": "/version", "verb": "get"}}}
    assert reader.made(f"{AUTHZ}/selfsubjectaccessreviews", ask)["status"]["allowed"] is True
    ask = {"spec": {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}}
    assert reader.made(f"{AUTHZ}/selfsubjectaccessreviews", ask)["status"]["allowed"] is False


def test_the_rules_of_oneself_are_listed(api: Api, reader: Api, own: str) -> None:
    allow(api, own, READ)

    def rules() -> list[Json]:
        found: list[Json] = reader.made(f"{AUTHZ}/selfsubjectrulesreviews", {"spec": {"namespace": own}})["status"]["resourceRules"]
        return found

    eventually(lambda: {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps"]} in rules())
    assert {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    } in rules()


def test_who_am_i(api: Api, reader: Api, own: str) -> None:
    admin = api.made(f"{AUTHN}/selfsubjectreviews", {})["status"]["userInfo"]
    assert "system:authenticated" in admin["groups"]
    me = reader.made(f"{AUTHN}/selfsubjectreviews", {})["status"]["userInfo"]
    assert me["username"] == f"system:serviceaccount:{own}:reader"
    assert set(me["groups"]) == {"system:serviceaccounts", f"system:serviceaccounts:{own}", "system:authenticated"}


def test_a_token_review_knows_its_tokens(api: Api, token: str, own: str) -> None:
    status = api.made(f"{AUTHN}/tokenreviews", {"spec": {"token": token}})["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == f"system:serviceaccount:{own}:reader"
    status = api.made(f"{AUTHN}/tokenreviews", {"spec": {"token": "x"}})["status"]
    assert "authenticated" not in status
    assert "invalid bearer token" in status["error"]


def test_a_token_has_an_end(api: Api, account: str) -> None:
    body = api.made(f"{account}/token", {"spec": {"expirationSeconds": 600}})
    assert body["kind"] == "TokenRequest"
    assert body["spec"]["expirationSeconds"] == 600
    assert body["spec"]["audiences"] == ["https://kubernetes.default.svc.cluster.local"]
    assert body["status"]["token"].count(".") == 2
    assert body["status"]["expirationTimestamp"].endswith("Z")
    answer = api.post(f"{account}/token", {"spec": {"expirationSeconds": 5}})
    assert answer.code == 422
    assert "may not specify a duration less than 10 minutes" in answer.body["message"]


# ── impersonation ────────────────────────────────────────────────────────────────────────────────────────────
def test_an_admin_may_act_as_another(api: Api, own: str) -> None:
    jane = {"Impersonate-User": "jane", "Impersonate-Group": "readers"}
    answer = api.get(f"/api/v1/namespaces/{own}/configmaps", headers=jane)
    assert answer.code == 403
    assert answer.body["message"].startswith('configmaps is forbidden: User "jane" cannot list resource "configmaps"')
    allow(api, own, READ, {"kind": "Group", "name": "readers", "apiGroup": RBAC})
    eventually(lambda: api.get(f"/api/v1/namespaces/{own}/configmaps", headers=jane).code == 200)
    assert api.post(f"{AUTHN}/selfsubjectreviews", {}, headers=jane).body["status"]["userInfo"]["username"] == "jane"


def test_others_may_not_act_as_anybody(reader: Api, own: str) -> None:
    answer = reader.get("/api/v1/pods", headers={"Impersonate-User": "jane"})
    assert answer.code == 403
    assert answer.body["message"] == (
        f'pods is forbidden: User "system:serviceaccount:{own}:reader" cannot impersonate-on:user-info:list resource "pods" '
        'in API group "" at the cluster scope'
    )


def test_the_client_asks_whether_it_may(target: Target, own: str) -> None:
    from kubernetes import client

    attributes = client.V1ResourceAttributes(verb="create", resource="pods", namespace=own)
    ask = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    assert client.AuthorizationV1Api(target.api.client).create_self_subject_access_review(ask).status.allowed is True
