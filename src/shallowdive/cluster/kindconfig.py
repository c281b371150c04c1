"""kind's configuration, rendered from facts. Pure: the same facts give the same file."""

from __future__ import annotations

from typing import Any

import yaml

HTTP_NODE_PORT, HTTPS_NODE_PORT = 30080, 30443
POD_PIDS_LIMIT = 1024
"""Processes a pod may have: a fork bomb in a lab stays in its pod."""
WORKERS = 2


def render(*, cgroup_version: str, http_port: int, https_port: int, workers: int = WORKERS) -> str:
    """YAML for `kind create cluster --config -`: one control plane with two ports mapped on 127.0.0.1, and workers."""
    kubelet: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "podPidsLimit": POD_PIDS_LIMIT,
    }
    if cgroup_version == "1":
        kubelet["failCgroupV1"] = False  # kubelet 1.35 and later stop on cgroup v1 otherwise
    ports = [
        {"containerPort": node_port, "hostPort": host_port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
        for node_port, host_port in ((HTTP_NODE_PORT, http_port), (HTTPS_NODE_PORT, https_port))
    ]
    return yaml.safe_dump(
        {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "networking": {"ipFamily": "ipv4", "apiServerAddress": "127.0.0.1"},
            "kubeadmConfigPatches": [yaml.safe_dump(kubelet, sort_keys=False)],
            "nodes": [{"role": "control-plane", "extraPortMappings": ports}, *({"role": "worker"} for _ in range(workers))],
        },
        sort_keys=False,
    )
