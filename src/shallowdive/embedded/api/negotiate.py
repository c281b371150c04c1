"""What the client wants to read: JSON or YAML, the object itself, a Table of it or its metadata only.

Protobuf is not spoken here: a client that can also read JSON gets JSON, as `Accept` allows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from shallowdive.embedded.request import Response
from shallowdive.embedded.status import ApiError, not_acceptable

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
OFFERED = (JSON, YAML, PROTOBUF)
SHAPES = {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}
DISCOVERY = "APIGroupDiscoveryList"


class Media(NamedTuple):
    """`shape` is '' for the object itself, or what the object is to be turned into."""

    content_type: str = JSON
    shape: str = ""


PLAIN_JSON = Media()


def clauses(accept: str) -> list[tuple[str, dict[str, str]]]:
    """The media types of an Accept header with their parameters, best first."""
    found = []
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media:
            found.append((media, dict(p.partition("=")[::2] for p in parameters)))
    return sorted(found, key=lambda c: -_quality(c[1].get("q", "1")))


@lru_cache(256)
def wanted(accept: str, offered: tuple[str, ...] = OFFERED) -> Media:
    """The first thing a client accepts that is offered. Raises ApiError 406."""
    for media, parameters in clauses(accept or "*/*"):
        shape = parameters.get("as", "")
        if shape and (shape not in SHAPES or parameters.get("g") != "meta.k8s.io" or parameters.get("v") != "v1"):
            continue
        if media in ("*/*", "application/*", JSON):
            return Media(JSON, shape)
        if media == YAML and YAML in offered:
            return Media(YAML, shape)
    if all(parameters.get("as") for _, parameters in clauses(accept)):
        raise not_acceptable("only the following media types are accepted: " + ", ".join(offered))
    raise not_acceptable(
        "406: Not Acceptable\n\nAvailable representations: " + ", ".join(offered + STREAMED if offered == OFFERED else offered)
    )


STREAMED = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")


@lru_cache(64)
def wants_aggregated_discovery(accept: str) -> bool:
    return any(p.get("as") == DISCOVERY and p.get("v") == "v2" and p.get("g") == "apidiscovery.k8s.io" for _, p in clauses(accept)[:1])


def respond(code: int, value: Any, media: Media = PLAIN_JSON, headers: dict[str, str] | None = None) -> Response:
    if media.content_type == YAML:
        import yaml  # takes 40 ms, and few ask for it

        return Response(code, yaml.safe_dump(value, default_flow_style=False, allow_unicode=True).encode(), YAML, headers or {})
    return Response(code, orjson.dumps(value) + b"\n", headers=headers or {})


def refuse(error: ApiError, accept: str = "") -> Response:
    """An error in the format the client reads; whoever reads neither gets JSON."""
    content_type = next((m for m, _ in clauses(accept) if m in (JSON, YAML)), JSON)
    return respond(error.code, error.status, Media(content_type), error.headers)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
