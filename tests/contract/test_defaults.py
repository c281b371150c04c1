"""What a server writes into an object that left it out."""

from __future__ import annotations

import pytest

from tests.contract.api import Api, Json, eventually
from tests.contract.test_validation import MAIN, SELECTOR, path_of, template


@pytest.fixture(scope="module")
def ready_ns(api: Api, ns: str) -> str:
    eventually(lambda: api.get(f"/api/v1/namespaces/{ns}/serviceaccounts/default").code == 200)
    return ns


def made(api: Api, ns: str, resource: str, spec: Json) -> Json:
    body: Json = api.made(path_of(ns, resource), {"metadata": {"generateName": "d-"}, "spec": spec})["spec"]
    return body


def test_a_pod(api: Api, ready_ns: str) -> None:
    ports = [{"containerPort": 80}]
    main = MAIN | {"ports": ports, "readinessProbe": {"httpGet": {"port": 80}}, "resources": {"limits": {"cpu": "1", "memory": "8Mi"}}}
    spec = made(api, ready_ns, "pods", {"containers": [main], "nodeSelector": {"never": "there"}})
    (container,) = spec.pop("containers")
    (volume,) = spec.pop("volumes")
    assert spec == {
        "nodeSelector": {"never": "there"},
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [
            {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for what in ("not-ready", "unreachable")
        ],
    }
    (mount,) = container.pop("volumeMounts")
    assert container == {
        "name": "a",
        "image": "i",
        "imagePullPolicy": "Always",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "1", "memory": "8Mi"}, "requests": {"cpu": "1", "memory": "8Mi"}},
        "readinessProbe": {
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
    }
    assert volume["name"] == mount["name"]
    assert volume["name"].startswith("kube-api-access-")
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    assert [next(iter(s)) for s in volume["projected"]["sources"]] == ["serviceAccountToken", "configMap", "downwardAPI"]


@pytest.mark.parametrize(
    "image, policy", [("i", "Always"), ("i:latest", "Always"), ("i:1", "IfNotPresent"), ("example.org:5000/i", "Always")]
)
def test_the_pull_policy_follows_the_tag(api: Api, ready_ns: str, image: str, policy: str) -> None:
    spec = made(api, ready_ns, "pods", {"containers": [{"name": "a", "image": image}], "nodeSelector": {"never": "there"}})
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_a_pod_starts_pending_with_a_quality_of_service(api: Api, ready_ns: str) -> None:
    for resources, quality in (
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1m"}}, "Burstable"),
        ({"limits": {"cpu": "1m", "memory": "1Mi"}}, "Guaranteed"),
    ):
        pod = {
            "metadata": {"generateName": "d-"},
            "spec": {"containers": [MAIN | {"resources": resources}], "nodeSelector": {"never": "there"}},
        }
        assert api.made(path_of(ready_ns, "pods"), pod)["status"] == {"phase": "Pending", "qosClass": quality}


def test_a_deployment(api: Api, ns: str) -> None:
    spec = made(api, ns, "deployments", {"selector": SELECTOR, "template": template(nodeSelector={"never": "there"})})
    assert spec.pop("template")["spec"] == {
        "nodeSelector": {"never": "there"},
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "containers": [
            MAIN
            | {
                "resources": {},
                "imagePullPolicy": "Always",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
    }
    assert spec == {
        "replicas": 1, "selector": SELECTOR, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
    }  # fmt: skip


def test_a_stateful_set(api: Api, ns: str) -> None:
    spec = made(api, ns, "statefulsets", {"replicas": 0, "selector": SELECTOR, "template": template()})
    spec.pop("template")
    assert spec == {
        "replicas": 0, "selector": SELECTOR, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}}, "serviceName": "",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }  # fmt: skip


def test_a_service(api: Api, ns: str) -> None:
    spec = made(api, ns, "services", {"ports": [{"port": 80}], "selector": {"a": "b"}})
    address = spec.pop("clusterIP")
    assert address.startswith("10.96.")
    assert spec == {
        "clusterIPs": [address], "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "selector": {"a": "b"}, "type": "ClusterIP",
        "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
    }  # fmt: skip


def test_a_node_port_service_gets_a_port(api: Api, ns: str) -> None:
    spec = made(api, ns, "services", {"ports": [{"port": 80}], "type": "NodePort"})
    assert 30000 <= spec["ports"][0]["nodePort"] <= 32767
    assert spec["externalTrafficPolicy"] == "Cluster"
    twin = api.post(path_of(ns, "services"), {"metadata": {"name": "twin"}, "spec": spec | {"clusterIP": None, "clusterIPs": None}})
    assert twin.code == 422
    assert twin.body["message"].endswith(f"nodePort: Invalid value: {spec['ports'][0]['nodePort']}: provided port is already allocated")


def test_headless_and_external_services_have_no_address(api: Api, ns: str) -> None:
    assert made(api, ns, "services", {"ports": [{"port": 80}], "clusterIP": "None"})["clusterIPs"] == ["None"]
    external = made(api, ns, "services", {"type": "ExternalName", "externalName": "example.org"})
    assert external == {"type": "ExternalName", "externalName": "example.org", "sessionAffinity": "None"}


def test_two_services_never_share_an_address(api: Api, ns: str) -> None:
    one = made(api, ns, "services", {"ports": [{"port": 80}]})["clusterIP"]
    answer = api.post(path_of(ns, "services"), {"metadata": {"name": "same"}, "spec": {"ports": [{"port": 80}], "clusterIP": one}})
    assert answer.code == 422
    assert (
        answer.body["message"] == f'Service "same" is invalid: spec.clusterIPs: Invalid value: ["{one}"]: failed to allocate IP {one}: '
        "provided IP is already allocated"
    )


def test_a_job(api: Api, ns: str) -> None:
    made = api.made(
        path_of(ns, "jobs"), {"metadata": {"name": "j"}, "spec": {"suspend": True, "template": template({}, restartPolicy="Never")}}
    )
    spec, uid = made["spec"], made["metadata"]["uid"]
    labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": "j", "controller-uid": uid, "job-name": "j"}
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert labels.items() <= spec.pop("template")["metadata"]["labels"].items()
    del spec["selector"]
    assert spec == {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": True,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def test_a_cron_job(api: Api, ns: str) -> None:
    spec = made(api, ns, "cronjobs", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template({}, restartPolicy="Never")}}})
    del spec["jobTemplate"]
    assert spec == {
        "schedule": "0 0 1 1 *",
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }


def test_a_claim_gets_the_default_class(api: Api, ns: str) -> None:
    body = api.made(
        path_of(ns, "persistentvolumeclaims"),
        {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}},
    )
    assert body["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": "standard",
        "volumeMode": "Filesystem",
    }
    assert body["status"] == {"phase": "Pending"}
    assert body["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def test_a_secret_takes_plain_text_and_shows_base64(api: Api, ns: str) -> None:
    body = api.made(
        path_of(ns, "secrets"), {"metadata": {"name": "s"}, "stringData": {"word": "open"}, "data": {"word": "eA==", "other": "eA=="}}
    )
    assert body["type"] == "Opaque"
    assert body["data"] == {"word": "b3Blbg==", "other": "eA=="}
    assert "stringData" not in body


def test_an_ingress_keeps_its_rules(api: Api, ns: str) -> None:
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    rules = [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    body = api.made(path_of(ns, "ingresses"), {"metadata": {"name": "i"}, "spec": {"rules": rules}})
    assert body["spec"]["rules"] == rules
    assert body["status"] == {"loadBalancer": {}}


def test_quantities_are_written_in_one_way(api: Api, ready_ns: str) -> None:
    limits = {"cpu": "0.5", "memory": "1024Mi"}
    spec = made(api, ready_ns, "pods", {"containers": [MAIN | {"resources": {"limits": limits}}], "nodeSelector": {"never": "there"}})
    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_defaults_are_written_again_when_a_replace_leaves_them_out(api: Api, ns: str) -> None:
    path = path_of(ns, "deployments")
    sent = {"metadata": {"name": "again"}, "spec": {"replicas": 0, "selector": SELECTOR, "template": template(), "revisionHistoryLimit": 2}}
    api.made(path, sent)
    del sent["spec"]["revisionHistoryLimit"]  # type: ignore[attr-defined]
    assert api.put(f"{path}/again", sent).body["spec"]["revisionHistoryLimit"] == 10
