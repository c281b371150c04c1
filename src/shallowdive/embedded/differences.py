"""Every deliberate difference between this cluster and a real one: one row each. The book prints the table.

A row is what a learner could meet. What nobody asked for yet and nobody promised is not a difference but a gap: it is a test to write."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """`real`: a kind cluster of the course. Markdown, one line each; a name is a stable key."""

    name: str
    real: str
    embedded: str
    why: str


DIFFERENCES: list[Difference] = [
    Difference(
        "memory",
        "etcd keeps the objects on disk; a cluster that was stopped comes back with them",
        "objects are in memory and end with the process; the next `up` starts an empty cluster",
        "a database would be the longest part to read",
    ),
    Difference(
        "time",
        "one second takes one second",
        "`up --speed 20` lets twenty seconds pass in one; pictures and receipts say so. Events stay an hour of yours",
        "300 s of waiting for a lost node take 15",
    ),
    Difference(
        "containers",
        "a container engine runs any image",
        "no container runs; the course's images are small Python programs that answer the same",
        "it has to work where no engine may be installed",
    ),
    Difference(
        "nodes",
        "three containers with a kubelet each",
        "three objects, each with a providerID that begins with `embedded://`; one kubelet in the process plays all of them",
        "a node is a promise that pods are looked after: one caretaker can keep three",
    ),
    Difference(
        "components",
        "scheduler, controller manager and API server are processes; the others start anew when the API server was off for long",
        "parts of one process that stand still; an API server that is off hangs up, and kubelets go on renewing their leases",
        "lab 5 pulls the plugs, and what does not happen then is the same",
    ),
    Difference(
        "credentials",
        "the kubeconfig holds a client certificate",
        "the kubeconfig holds a token",
        "one line to read instead of a certificate authority",
    ),
    Difference(
        "protocols",
        "HTTP/2, and SPDY beside websockets",
        "HTTP/1.1 and websockets; so `kubectl port-forward` does not work",
        "`exec`, `logs -f` and `get -w` work with these two",
    ),
    Difference(
        "entrance",
        "Traefik runs as a pod in `shallowdive-system`; a changed Ingress counts half a second later",
        "the front door is part of the process, follows the same rules, and a change counts at once",
        "there is no container for Traefik to run in",
    ),
    Difference(
        "entrance-tls",
        "a second port (8443) answers https",
        "no second port; `tls` of an Ingress is stored and does nothing",
        "no lab uses it",
    ),
    Difference(
        "images",
        "any image that a registry has can be pulled",
        "agnhost, busybox and pause are there; every other image ends in `ImagePullBackOff`, as on a node without a registry",
        "each image is a program that somebody has to write in Python",
    ),
    Difference(
        "tools",
        "busybox has some 270 tools",
        "the shell and some 70 tools with their usual options; what is not there is `not found`",
        "these are what the labs and the usual examples use",
    ),
    Difference(
        "traffic",
        "TCP and UDP of every kind between pods, and to the API server",
        "HTTP between pods; no UDP, no TLS, and no way from a pod to the API server",
        "a request is a call in the process: there is no packet",
    ),
    Difference(
        "cpu-and-memory",
        "the kernel shares out CPU time and counts all memory",
        "CPU only decides where a pod goes; memory counts for programs that are hungry on purpose, and a file is not counted",
        "the programs are not processes: they use next to nothing",
    ),
    Difference(
        "files",
        "owners and permissions; files of a ConfigMap are links that change together",
        "no owners, no permissions; files of a ConfigMap are plain files that change one by one, about half a minute later",
        "no lab asks who may read a file",
    ),
    Difference(
        "aggregation",
        "an APIService makes the API server pass requests on to another one",
        "an APIService is stored and nothing is passed on; the built-in ones are not listed",
        "no lab brings an API server of its own",
    ),
]


def as_markdown() -> str:
    """The table, in the order above."""
    head = "| | a kind cluster | the embedded cluster | why |\n|---|---|---|---|\n"
    return head + "".join(f"| {d.name} | {d.real} | {d.embedded} | {d.why} |\n" for d in DIFFERENCES)
