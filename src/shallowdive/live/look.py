"""One look at everything that may explain why something does not work: each kind listed once, nothing watched.

A kind that may not be listed (a tenant, a missing API) is left out of the picture, so that whoever reads it can tell "there is none"
from "nobody looked". Of Secrets only the metadata is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import MappingProxyType

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.live.resources import KINDS, list_call
from shallowdive.live.state import ClusterState, key_of

METADATA_ONLY = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
NOT_TOLD = (401, 403, 404)


def look(api: client.ApiClient, namespace: str, kinds: Iterable[str] = tuple(KINDS)) -> ClusterState:
    """The picture of a namespace and of what is cluster-scoped; a kind that was looked at and has no object is an empty mapping."""
    seen = {}
    for kind in kinds:
        try:
            response = list_call(api, kind, namespace)(
                _preload_content=False, _request_timeout=(3, 20), **({"_headers": METADATA_ONLY} if kind == "Secret" else {})
            )
        except ApiException as exc:
            if exc.status in NOT_TOLD:
                continue
            raise
        items = json.loads(response.data).get("items") or []
        seen[kind] = MappingProxyType({key_of(o): {**o, "kind": kind} for o in items})
    return ClusterState(MappingProxyType(seen))
