"""One link for each kind of a namespace of a cluster, however many pictures and checks look at it: the last one to leave ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from kubernetes import client

from shallowdive.live.link import Link, Pace
from shallowdive.live.resources import is_namespaced

LEAVING_S = 0.8
"""Nobody waits longer for threads to end. They can be woken everywhere but in the middle of connecting, which has its own limit."""

_lock = threading.Lock()
_links: dict[object, tuple[Link, int]] = {}


def join_link(api: client.ApiClient, namespace: str, kind: str, pace: Pace) -> Link:
    """The running link of this kind; started when there is none. Pair it with `leave_links`."""
    key = _key(api, namespace, kind, pace)
    with _lock:
        link, users = _links.get(key, (None, 0))
        if link is None or link.refused:
            link, users = Link(api, namespace, kind, pace), 0
            link.start()
        _links[key] = link, users + 1
        return link


def leave_links(links: Iterable[Link]) -> None:
    """Give links back; those that nobody uses any more have ended when this returns, or LEAVING_S later at most."""
    ended = []
    with _lock:
        for link in links:
            key = next((k for k, (known, _) in _links.items() if known is link), None)
            users = _links[key][1] - 1 if key is not None else 0
            if key is not None and users:
                _links[key] = link, users
                continue
            if key is not None:
                del _links[key]
            ended.append(link)
    for link in ended:
        link.end()
    until = time.monotonic() + LEAVING_S
    for link in ended:
        link.join(max(0.0, until - time.monotonic()))


def _key(api: client.ApiClient, namespace: str, kind: str, pace: Pace) -> object:
    """Who asks, whom, and for what: another user may see other objects."""
    c = api.configuration
    who = (c.host, c.ssl_ca_cert, c.verify_ssl, c.cert_file, c.key_file, c.username, tuple(sorted(c.api_key.items())))
    return who, tuple(sorted(api.default_headers.items())), namespace if is_namespaced(kind) else "", kind, pace
