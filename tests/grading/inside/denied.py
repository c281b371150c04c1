"""Runs as a student's cell in a grading pod: tries what must not go, and writes down what did. OTHER is put before it."""

import ctypes
import json
import os
import resource
import socket
import subprocess
import time
from pathlib import Path

import shallowdive
from kubernetes import client
from kubernetes.client.exceptions import ApiException

configuration = client.Configuration(host=os.environ["SHALLOWDIVE_SERVER"])
configuration.ssl_ca_cert = os.environ["SHALLOWDIVE_CA_FILE"]
configuration.api_key["authorization"] = "Bearer " + Path(os.environ["SHALLOWDIVE_TOKEN_FILE"]).read_text()
api = client.ApiClient(configuration)
own = os.environ["SHALLOWDIVE_NAMESPACE"]
runner = own.replace("lab-", "run-", 1)
libc = ctypes.CDLL(None, use_errno=True)
found = {}


def ask(method, path, body=None, **headers):
    """Of the API server: refused when it answers 403; anything else is an answer."""
    kind = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
    request = api.param_serialize(method, path, header_params={**kind, **headers}, body=body, auth_settings=["BearerToken"])
    response = api.call_api(*request, _request_timeout=(3, 10))
    if response.status == 403:
        raise PermissionError(403)
    return response.status


def pod(name, **spec):
    container = {"name": "x", "image": "registry.k8s.io/e2e-test-images/busybox:1.37.0-1", **spec.pop("container", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def connect(host, port):
    socket.create_connection((host, port), 3).close()


def system_call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


def many_processes():
    children = []
    try:
        for _ in range(400):
            children.append(subprocess.Popen(["sleep", "30"]))
    finally:
        for child in children:
            child.kill()
            child.wait()


def large_file():
    with open(os.environ["HOME"] + "/large", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))


def ends(run):
    """SIGXFSZ and others end a process: so in one of its own."""
    child = os.fork()
    if not child:
        try:
            run()
        except BaseException:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise OSError("ended")


RBAC = "/apis/rbac.authorization.k8s.io/v1"
EMPTY = {"apiVersion": "v1", "kind": "Pod"}
ADMIN = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
ME = [{"kind": "ServiceAccount", "name": "student", "namespace": runner}]
BALANCER = {"metadata": {"name": "x"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
BINDING = {"metadata": {"name": "x"}, "roleRef": ADMIN, "subjects": ME}
TRIES = {
    "list nodes": lambda: ask("GET", "/api/v1/nodes"),
    "list namespaces": lambda: ask("GET", "/api/v1/namespaces"),
    "list pods everywhere": lambda: ask("GET", "/api/v1/pods"),
    "list secrets of the system": lambda: ask("GET", "/api/v1/namespaces/kube-system/secrets"),
    "list secrets of its lab": lambda: ask("GET", f"/api/v1/namespaces/{own}/secrets"),
    "read another student's pods": lambda: ask("GET", f"/api/v1/namespaces/{OTHER}/pods"),
    "read another student's answers": lambda: ask("GET", f"/api/v1/namespaces/{OTHER}/configmaps/shallowdive-answers"),
    "make a pod at another student's": lambda: ask("POST", f"/api/v1/namespaces/{OTHER}/pods", pod("x")),
    "delete another student's namespace": lambda: ask("DELETE", f"/api/v1/namespaces/{OTHER}"),
    "delete its own namespace": lambda: ask("DELETE", f"/api/v1/namespaces/{own}"),
    "relabel its own namespace": lambda: ask(
        "PATCH", f"/api/v1/namespaces/{own}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    ),
    "delete its quota": lambda: ask("DELETE", f"/api/v1/namespaces/{own}/resourcequotas/grading"),
    "delete its limits": lambda: ask("DELETE", f"/api/v1/namespaces/{own}/limitranges/grading"),
    "delete its policy": lambda: ask("DELETE", f"/apis/networking.k8s.io/v1/namespaces/{own}/networkpolicies/lab"),
    "change its role": lambda: ask("PATCH", f"{RBAC}/namespaces/{own}/roles/tenant", {"rules": []}),
    "bind itself to a role": lambda: ask("POST", f"{RBAC}/namespaces/{own}/rolebindings", BINDING | {"kind": "RoleBinding"}),
    "bind itself to the cluster": lambda: ask("POST", f"{RBAC}/clusterrolebindings", BINDING | {"kind": "ClusterRoleBinding"}),
    "make a token": lambda: ask("POST", f"/api/v1/namespaces/{runner}/serviceaccounts/student/token", {"spec": {"audiences": []}}),
    "read where it runs": lambda: ask("GET", f"/api/v1/namespaces/{runner}/pods"),
    "make a pod where it runs": lambda: ask("POST", f"/api/v1/namespaces/{runner}/pods", pod("x")),
    "be somebody else": lambda: ask("GET", "/api/v1/nodes", **{"Impersonate-User": "admin", "Impersonate-Group": "system:masters"}),
    "ask a kubelet through the server": lambda: ask("GET", "/api/v1/nodes/x/proxy/pods"),
    "make a DaemonSet": lambda: ask("POST", f"/apis/apps/v1/namespaces/{own}/daemonsets", {"metadata": {"name": "x"}}),
    "make a volume": lambda: ask("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "x"}}),
    "read the metrics of the server": lambda: ask("GET", "/metrics"),
    "a privileged pod": lambda: ask(
        "POST", f"/api/v1/namespaces/{own}/pods", pod("a", container={"securityContext": {"privileged": True}})
    ),
    "a pod in the node's network": lambda: ask("POST", f"/api/v1/namespaces/{own}/pods", pod("b", hostNetwork=True)),
    "a pod among the node's processes": lambda: ask("POST", f"/api/v1/namespaces/{own}/pods", pod("c", hostPID=True)),
    "a pod with the node's files": lambda: ask(
        "POST", f"/api/v1/namespaces/{own}/pods", pod("d", volumes=[{"name": "x", "hostPath": {"path": "/"}}])
    ),
    "a pod that pushes out others'": lambda: ask("POST", f"/api/v1/namespaces/{own}/pods", pod("e", priorityClassName="system-node-critical")),
    "a load balancer": lambda: ask("POST", f"/api/v1/namespaces/{own}/services", BALANCER),
    "write to the system": lambda: Path("/usr/x").write_text("x"),
    "write to the course": lambda: Path(shallowdive.__file__).write_text("x"),
    "write to what was handed over": lambda: Path("/handed/x").write_text("x"),
    "read passwords": lambda: Path("/etc/shadow").read_text(),
    "read a solution": lambda: next(p for p in Path(shallowdive.__file__).parents[1].rglob("*.ipynb")),
    "reach the engine": lambda: connect_unix("/var/run/docker.sock"),
    "become root": lambda: os.setuid(0),
    "mount": lambda: system_call("mount", b"none", os.environ["HOME"].encode(), b"tmpfs", 0, b""),
    "a user namespace": lambda: system_call("unshare", 0x10000000),
    "a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "change the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
    "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (100_000, 100_000)),
    "four hundred processes": many_processes,
    "a file of 64 MiB": lambda: ends(large_file),
}


def connect_unix(path):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(3)
    link.connect(path)


for name, attempt in TRIES.items():
    try:
        attempt()
        found[name] = "went"
    except ApiException as exc:
        found[name] = f"denied: {exc.status}" if exc.status == 403 else f"answered: {exc.status}"
    except PermissionError as exc:
        found[name] = f"denied: {exc}"
    except (OSError, StopIteration, ValueError, subprocess.SubprocessError) as exc:
        found[name] = f"denied: {type(exc).__name__} {exc}"
body = {"metadata": {"name": "tried"}, "data": {"tried": json.dumps(found)}}
request = api.param_serialize(
    "POST",
    f"/api/v1/namespaces/{own}/configmaps",
    header_params={"Content-Type": "application/json"},
    body=body,
    auth_settings=["BearerToken"],
)
assert api.call_api(*request, _request_timeout=(3, 10)).status == 201
