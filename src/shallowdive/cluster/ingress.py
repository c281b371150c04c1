"""The ingress controller: applied from the manifest beside this file, and asked from the host before we call it ready."""

from __future__ import annotations

import http.client
from pathlib import Path

import yaml
from kubernetes import client

from shallowdive.cluster.access import SYSTEM_NAMESPACE
from shallowdive.cluster.apply import apply

MANIFEST = Path(__file__).with_name("traefik.yaml")


def install(api: client.ApiClient) -> None:
    for obj in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")):
        apply(api, obj, SYSTEM_NAMESPACE)


def answers(port: int) -> bool | None:
    """True when the controller answers on the mapped port (404: no route for this host); None when nobody does yet."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        link.request("GET", "/", headers={"Host": "nobody.localhost"})
        return True if link.getresponse().status == 404 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()
