# ruff: noqa: E501  (messages are given whole, as they were heard)
"""What a server refuses, and in which words: a table of bodies and messages, all of them heard from a real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import STRATEGIC, Api, Json, eventually

SELECTOR = {"matchLabels": {"app": "x"}}
MAIN = {"name": "a", "image": "i"}


def template(labels: Json | None = None, **spec: Any) -> Json:
    return {"metadata": {"labels": labels or {"app": "x"}}, "spec": {"containers": [MAIN]} | spec}


def one(*, top: Json | None = None, **more: Any) -> Json:
    """A pod of one container with these fields."""
    return {"spec": {"containers": [MAIN | more]} | (top or {})}


def deploy(**spec: Any) -> Json:
    return {"spec": {"selector": SELECTOR, "template": template()} | spec}


def port(**more: Any) -> Json:
    return {"spec": {"ports": [{"port": 80} | more]}}


def rule(**path: Any) -> Json:
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    return {"spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend} | path]}}]}}


LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
LABEL_RE = "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
SUBDOMAIN_RE = "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

# resource · name · body · what follows `is invalid: `
REFUSED: list[tuple[str, str, Json, str]] = [
    ("configmaps", "Upper", {}, f'metadata.name: Invalid value: "Upper": {SUBDOMAIN} {SUBDOMAIN_RE}'),
    ("configmaps", "x" * 254, {}, f'metadata.name: Invalid value: "{"x" * 254}": must be no more than 253 characters'),
    (
        "configmaps",
        "x",
        {"metadata": {"labels": {"bad key!": "v"}}},
        "metadata.labels: Invalid value: \"bad key!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ),
    (
        "configmaps",
        "x",
        {"metadata": {"labels": {"k": "bad value!"}}},
        "metadata.labels: Invalid value: \"bad value!\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ),
    (
        "configmaps",
        "x",
        {"metadata": {"labels": {"k": "v" * 64}}},
        'metadata.labels: Invalid value: "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv": must be no more than 63 bytes',
    ),
    (
        "configmaps",
        "x",
        {"data": {"bad key": "v"}},
        "data[bad key]: Invalid value: \"bad key\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ),
    (
        "configmaps",
        "x",
        {"metadata": {"finalizers": ["plain"]}},
        'metadata.finalizers[0]: Invalid value: "plain": name is neither a standard finalizer name nor is it fully qualified',
    ),
    (
        "configmaps",
        "x",
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": ""}]}},
        "metadata.ownerReferences[0].uid: Required value: must not be empty",
    ),
    ("pods", "x", {}, "spec.containers: Required value"),
    ("pods", "x", {"spec": {}}, "spec.containers: Required value"),
    ("pods", "x", {"spec": {"containers": []}}, "spec.containers: Required value"),
    ("pods", "x", {"spec": {"containers": [{"name": "a"}]}}, "spec.containers[0].image: Required value"),
    ("pods", "x", {"spec": {"containers": [{"image": "i"}]}}, "spec.containers[0].name: Required value"),
    ("pods", "x", {"spec": {"containers": [MAIN, MAIN]}}, 'spec.containers[1].name: Duplicate value: "a"'),
    ("pods", "x", one(name="A"), f'spec.containers[0].name: Invalid value: "A": {LABEL} {LABEL_RE}'),
    ("pods", "x", one(ports=[{"containerPort": 0}]), "spec.containers[0].ports[0].containerPort: Required value"),
    (
        "pods",
        "x",
        one(ports=[{"containerPort": 70000}]),
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ),
    (
        "pods",
        "x",
        one(ports=[{"containerPort": 80, "protocol": "ICMP"}]),
        'spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ),
    (
        "pods",
        "x",
        one(ports=[{"name": "p", "containerPort": 1}, {"name": "p", "containerPort": 2}]),
        'spec.containers[0].ports[1].name: Duplicate value: "p"',
    ),
    (
        "pods",
        "x",
        one(imagePullPolicy="Sometimes"),
        'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    ),
    (
        "pods",
        "x",
        one(top={"restartPolicy": "Maybe"}),
        'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
    ),
    (
        "pods",
        "x",
        one(top={"activeDeadlineSeconds": 0}),
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ),
    ("pods", "x", one(env=[{"name": "", "value": "x"}]), "spec.containers[0].env[0].name: Required value"),
    (
        "pods",
        "x",
        one(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ),
    (
        "pods",
        "x",
        one(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}]),
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nothing": error converting fieldPath: field label not supported: spec.nothing',
    ),
    ("pods", "x", one(volumeMounts=[{"name": "ghost", "mountPath": "/x"}]), 'spec.containers[0].volumeMounts[0].name: Not found: "ghost"'),
    (
        "pods",
        "x",
        one(top={"volumes": [{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]}),
        "spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type",
    ),
    ("pods", "x", one(livenessProbe={}), "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
    (
        "pods",
        "x",
        one(livenessProbe={"httpGet": {"port": 0}}),
        "spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ),
    (
        "pods",
        "x",
        one(livenessProbe={"exec": {"command": ["true"]}, "successThreshold": 2}),
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    (
        "pods",
        "x",
        one(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ),
    (
        "pods",
        "x",
        one(top={"tolerations": [{"operator": "Exists", "value": "v", "key": "k"}]}),
        "spec.tolerations[0].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'",
    ),
    ("pods", "x", one(top={"hostname": "A.b"}), f'spec.hostname: Invalid value: "A.b": {LABEL} {LABEL_RE}'),
    ("services", "x", {}, "spec.ports: Required value"),
    ("services", "x", {"spec": {"ports": []}}, "spec.ports: Required value"),
    (
        "services",
        "x",
        port(port=0),
        "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
    ),
    (
        "services",
        "x",
        {"spec": {"ports": [{"port": 80}, {"port": 81}]}},
        "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]",
    ),
    (
        "services",
        "x",
        port(targetPort="Not_Valid"),
        'spec.ports[0].targetPort: Invalid value: "Not_Valid": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ),
    (
        "services",
        "x",
        {"spec": {"ports": [{"port": 80}], "type": "Nothing"}},
        'spec.type: Unsupported value: "Nothing": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ),
    (
        "services",
        "x",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "1.2.3.4"}},
        'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range',
    ),
    ("secrets", "x", {"type": "kubernetes.io/tls"}, "[data[tls.crt]: Required value, data[tls.key]: Required value]"),
    (
        "persistentvolumeclaims",
        "x",
        {"spec": {}},
        "[spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]",
    ),
    (
        "persistentvolumeclaims",
        "x",
        {"spec": {"accessModes": ["Sometimes"], "resources": {"requests": {"storage": "1Mi"}}}},
        'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ),
    (
        "deployments",
        "x",
        {},
        "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]",
    ),
    (
        "deployments",
        "x",
        {"spec": {}},
        "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]",
    ),
    (
        "deployments",
        "x",
        deploy(template=template({"app": "other"})),
        'spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`',
    ),
    ("deployments", "x", deploy(selector={}), "spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
    ("deployments", "x", deploy(replicas=-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    (
        "deployments",
        "x",
        deploy(template=template(restartPolicy="Never")),
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    (
        "deployments",
        "x",
        deploy(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ),
    (
        "deployments",
        "x",
        deploy(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ),
    (
        "deployments",
        "x",
        deploy(strategy={"rollingUpdate": {"maxUnavailable": "200%"}}),
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "200%": must not be greater than 100%',
    ),
    (
        "deployments",
        "x",
        deploy(progressDeadlineSeconds=5, minReadySeconds=10),
        "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
    ),
    (
        "statefulsets",
        "x",
        {"spec": {"selector": SELECTOR, "template": template({"app": "y"})}},
        'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
    ),
    (
        "daemonsets",
        "x",
        {"spec": {"template": template()}},
        'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ),
    (
        "jobs",
        "x",
        {},
        '[spec.template.spec.containers: Required value, spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"]',
    ),
    (
        "jobs",
        "x",
        {"spec": {"template": template()}},
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ),
    (
        "jobs",
        "x",
        {"spec": {"template": template(restartPolicy="Never"), "completions": -1}},
        "spec.completions: Invalid value: -1: must be greater than or equal to 0",
    ),
    (
        "cronjobs",
        "x",
        {"spec": {"schedule": "often", "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}}}},
        'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]',
    ),
    ("cronjobs", "x", {"spec": {"jobTemplate": {"spec": {"template": template(restartPolicy="Never")}}}}, "spec.schedule: Required value"),
    ("ingresses", "x", {"spec": {}}, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
    ("ingresses", "x", rule(path="noslash"), 'spec.rules[0].http.paths[0].path: Invalid value: "noslash": must be an absolute path'),
    (
        "ingresses",
        "x",
        rule(pathType="Wild"),
        'spec.rules[0].http.paths[0].pathType: Unsupported value: "Wild": supported values: "Exact", "ImplementationSpecific", "Prefix"',
    ),
    ("ingresses", "x", rule(pathType=None), "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"),
    ("ingresses", "x", rule(backend={}), 'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required'),
    (
        "poddisruptionbudgets",
        "x",
        {"spec": {"selector": SELECTOR, "minAvailable": 1, "maxUnavailable": 1}},
        'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"app":"x"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ),
    ("resourcequotas", "x", {"spec": {"hard": {"pods": "-1"}}}, 'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'),
    ("roles", "x", {"rules": [{"apiGroups": [""], "resources": ["pods"]}]}, "rules[0].verbs: Required value"),
]

GROUPS = {
    "apps/v1": ("deployments", "statefulsets", "daemonsets"), "batch/v1": ("jobs", "cronjobs"), "networking.k8s.io/v1": ("ingresses",),
    "policy/v1": ("poddisruptionbudgets",), "rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
}  # fmt: skip


def path_of(ns: str, resource: str) -> str:
    group = next((f"/apis/{g}" for g, those in GROUPS.items() if resource in those), "/api/v1")
    return f"{group}/namespaces/{ns}/{resource}"


def named(body: Json, name: str = "x") -> Json:
    return body | {"metadata": body.get("metadata", {}) | {"name": name}}


@pytest.fixture(scope="module")
def ready_ns(api: Api, ns: str) -> str:
    """A namespace in which pods may be created."""
    eventually(lambda: api.get(f"/api/v1/namespaces/{ns}/serviceaccounts/default").code == 200)
    return ns


@pytest.mark.parametrize("resource, name, body, message", REFUSED, ids=[f"{r}-{n}" for n, (r, *_) in enumerate(REFUSED)])
def test_what_is_not_valid_is_422_and_says_why(api: Api, ready_ns: str, resource: str, name: str, body: Json, message: str) -> None:
    answer = api.post(path_of(ready_ns, resource), named(body, name))
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"].split(" is invalid: ", 1)[1] == message
    causes = answer.body["details"]["causes"]
    assert all(c["field"] in message and c["message"] in message and c["reason"].startswith("FieldValue") for c in causes)
    assert answer.body["details"]["name"] == name


def test_details_name_group_kind_and_every_cause(api: Api, ns: str) -> None:
    assert api.post(path_of(ns, "deployments"), named({})).body["details"] == {
        "name": "x", "group": "apps", "kind": "Deployment",
        "causes": [
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector"},
            {"reason": "FieldValueInvalid", "message": "Invalid value: null: `selector` does not match template `labels`",
             "field": "spec.template.metadata.labels"},
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.template.spec.containers"},
        ],
    }  # fmt: skip


# ── what cannot even be read ─────────────────────────────────────────────────────────────────────────────────
NUMBER = "json: cannot unmarshal number into Go struct field"
UNREADABLE: list[tuple[str, Any, str]] = [
    ("configmaps", "{", "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)"),
    ("configmaps", "", "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
    ("configmaps", {"data": {"a": 1}}, f'ConfigMap in version "v1" cannot be handled as a ConfigMap: {NUMBER} ConfigMap.data of type string'),
    ("configmaps", {"data": ["a"]}, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string'),
    ("configmaps", {"metadata": {"labels": {"a": 1}}}, f'ConfigMap in version "v1" cannot be handled as a ConfigMap: {NUMBER} ObjectMeta.metadata.labels of type string'),
    ("pods", {"spec": {"containers": "a"}}, 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container'),
    ("pods", one(ports=[{"containerPort": "http"}]), 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32'),
    ("pods", one(resources={"limits": {"cpu": "lots"}}), "Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
    ("configmaps", {"apiVersion": "v2", "kind": "ConfigMap"}, 'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111"'),
    ("configmaps", {"apiVersion": "v1", "kind": "Foo"}, 'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'),
    ("configmaps", {"apiVersion": "v1", "kind": "Pod"}, 'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion'),
]  # fmt: skip


@pytest.mark.parametrize("resource, body, message", UNREADABLE, ids=[f"{r}-{n}" for n, (r, *_) in enumerate(UNREADABLE)])
def test_what_cannot_be_read_is_400(api: Api, ns: str, resource: str, body: Any, message: str) -> None:
    answer = api.post(path_of(ns, resource), body if isinstance(body, str) else named(body))
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (400, "BadRequest", message)


def test_a_body_of_no_known_type_is_415(api: Api, ns: str) -> None:
    answer = api.post(path_of(ns, "configmaps"), named({}), content="text/plain")
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
    kinds = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert answer.body["message"] == f"the body of the request was in an unknown format - accepted media types include: {kinds}"


def test_a_body_over_three_mebibytes_is_413(api: Api, ns: str) -> None:
    answer = api.post(path_of(ns, "configmaps"), named({"data": {"a": "x" * (3 << 20)}}))
    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    assert answer.body["message"] == "Request entity too large: limit is 3145728"


def test_a_config_map_over_one_mebibyte_is_422(api: Api, ns: str) -> None:
    answer = api.post(path_of(ns, "configmaps"), named({"data": {"a": "x" * (1 << 20), "b": "y"}}))
    assert answer.code == 422
    assert answer.body["message"] == 'ConfigMap "x" is invalid: []: Too long: may not be more than 1048576 bytes'


# ── unknown and double fields ────────────────────────────────────────────────────────────────────────────────
def test_an_unknown_field_is_refused_when_strict(api: Api, maps: str) -> None:
    answer = api.post(maps, named({"datas": {}, "metadatas": 1}), fieldValidation="Strict")
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "datas", unknown field "metadatas"'
    )


def test_an_unknown_field_deep_inside_is_named_by_its_path(api: Api, own: str) -> None:
    answer = api.post(path_of(own, "deployments"), named(deploy(template=template(kontainers=[]))), fieldValidation="Strict")
    assert answer.code == 400
    assert 'strict decoding error: unknown field "spec.template.spec.kontainers"' in answer.body["message"]


def test_an_unknown_field_warns_unless_told_otherwise(api: Api, maps: str) -> None:
    for query in ({}, {"fieldValidation": "Warn"}):
        answer = api.post(maps, {"metadata": {"generateName": "x"}, "datas": {}}, **query)
        assert (answer.code, answer.headers["Warning"]) == (201, '299 - "unknown field \\"datas\\""')
        assert "datas" not in answer.body
    answer = api.post(maps, {"metadata": {"generateName": "x"}, "datas": {}}, fieldValidation="Ignore")
    assert (answer.code, "Warning" in answer.headers) == (201, False)


def test_a_field_twice_is_refused_when_strict(api: Api, maps: str) -> None:
    text = '{"metadata": {"name": "x"}, "data": {"a": "b", "a": "c"}}'
    answer = api.post(maps, text, fieldValidation="Strict")
    assert answer.code == 400
    assert answer.body["message"].endswith('strict decoding error: duplicate field "data.a"')
    answer = api.post(maps, text)
    assert (answer.code, answer.headers["Warning"]) == (201, '299 - "duplicate field \\"data.a\\""')
    assert answer.body["data"] == {"a": "c"}


def test_field_validation_knows_three_words(api: Api, maps: str) -> None:
    answer = api.post(maps, named({}), fieldValidation="Sometimes")
    assert answer.code == 422
    assert answer.body["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Sometimes": supported values: "", "Ignore", "Strict", "Warn"'
    )


# ── what may not change ──────────────────────────────────────────────────────────────────────────────────────
QUIET = {"replicas": 0, "selector": SELECTOR, "template": template()}
JOB = {"spec": {"suspend": True, "template": template(restartPolicy="Never")}}
CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
POD_FORBIDDEN = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
IMMUTABLE: list[tuple[str, Json, Json, str]] = [
    (
        "deployments",
        {"spec": QUIET},
        {"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": template({"app": "y"})}},
        'spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable',
    ),
    ("pods", one(top={"nodeSelector": {"never": "there"}}), {"spec": {"hostname": "other"}}, POD_FORBIDDEN),
    ("pods", one(top={"nodeSelector": {"never": "there"}}), {"spec": {"containers": [MAIN | {"command": ["x"]}]}}, POD_FORBIDDEN),
    (
        "pods",
        one(top={"nodeSelector": {"never": "there"}}),
        {"spec": {"containers": [MAIN, MAIN | {"name": "b"}]}},
        "spec.containers: Forbidden: pod updates may not add or remove containers",
    ),
    (
        "services",
        port(),
        {"spec": {"clusterIP": "10.96.200.200"}},
        'spec.clusterIPs[0]: Invalid value: ["10.96.200.200"]: may not change once set',
    ),
    ("jobs", JOB, {"spec": {"completions": 7}}, "spec.completions: Invalid value: 7: field is immutable"),
    ("jobs", JOB, {"spec": {"template": {"spec": {"hostname": "h"}}}}, "spec.template.spec: Invalid value: {"),
    (
        "persistentvolumeclaims",
        CLAIM,
        {"spec": {"accessModes": ["ReadWriteMany"]}},
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    ),
    (
        "configmaps",
        {"immutable": True, "data": {"a": "b"}},
        {"data": {"a": "c"}},
        "data: Forbidden: field is immutable when `immutable` is set",
    ),
    (
        "configmaps",
        {"immutable": True, "data": {"a": "b"}},
        {"immutable": False},
        "immutable: Forbidden: field is immutable when `immutable` is set",
    ),
    (
        "secrets",
        {"immutable": True, "data": {"a": "Yg=="}},
        {"data": {"a": "Yw=="}},
        "data: Forbidden: field is immutable when `immutable` is set",
    ),
    ("secrets", {}, {"type": "other"}, 'type: Invalid value: "other": field is immutable'),
    (
        "rolebindings",
        {"roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}},
        {"roleRef": {"name": "s"}},
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: field is immutable',
    ),
    (
        "statefulsets",
        {"spec": QUIET | {"serviceName": "s"}},
        {"spec": {"serviceName": "t"}},
        'spec.serviceName: Invalid value: "t": field is immutable',
    ),
    (
        "configmaps",
        {},
        {"metadata": {"uid": "11111111-1111-4111-8111-111111111111"}},
        'metadata.uid: Invalid value: "11111111-1111-4111-8111-111111111111": field is immutable',
    ),
]


@pytest.mark.parametrize("resource, body, change, message", IMMUTABLE, ids=[f"{r}-{n}" for n, (r, *_) in enumerate(IMMUTABLE)])
def test_what_may_not_change_is_422(api: Api, ready_ns: str, resource: str, body: Json, change: Json, message: str) -> None:
    """A dump of Go structures that a server adds after some of these messages is not compared."""
    made = api.made(path_of(ready_ns, resource), body | {"metadata": {"generateName": "x-"}})
    answer = api.patch(f"{path_of(ready_ns, resource)}/{made['metadata']['name']}", change)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"].split(" is invalid: ", 1)[1].startswith(message)


def test_the_image_of_a_pod_may_change(api: Api, ready_ns: str) -> None:
    made = api.made(path_of(ready_ns, "pods"), one(top={"nodeSelector": {"never": "there"}}) | {"metadata": {"generateName": "x-"}})
    answer = api.patch(
        f"{path_of(ready_ns, 'pods')}/{made['metadata']['name']}", {"spec": {"containers": [MAIN | {"image": "j"}]}}, STRATEGIC
    )
    assert (answer.code, answer.body["spec"]["containers"][0]["image"]) == (200, "j")


def test_a_pod_of_an_unknown_service_account_is_forbidden(api: Api, ready_ns: str) -> None:
    answer = api.post(path_of(ready_ns, "pods"), named(one(top={"serviceAccountName": "ghost"})))
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert (
        answer.body["message"]
        == f'pods "x" is forbidden: error looking up service account {ready_ns}/ghost: serviceaccount "ghost" not found'
    )


def test_a_node_port_out_of_range_is_422(api: Api, ready_ns: str) -> None:
    answer = api.post(path_of(ready_ns, "services"), named({"spec": {"ports": [{"port": 80, "nodePort": 80}], "type": "NodePort"}}))
    assert answer.code == 422
    assert answer.body["message"] == (
        'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. '
        "The range of valid ports is 30000-32767"
    )
