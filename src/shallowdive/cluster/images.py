"""The images of the course, with public names and fixed versions; all are published for amd64 and arm64."""

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
AGNHOST_BEFORE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
TRAEFIK = "docker.io/library/traefik:v3.7.15"
KIND_DEFAULT_NODE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
"""What kind 0.33 pins (its pkg/apis/config/defaults/image.go)."""
RUNNER_BASE = "docker.io/library/python:3.11.14-slim-bookworm"
"""On it the image of a grading run is built (grading/image.py), where a registry answers."""
LOCAL_NODES = ("shallow/node:v1.37.2",)
"""Node images made from source, used when this machine already has one (no registry needed)."""
