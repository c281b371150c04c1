"""Is it really the neighbour that a side-car asks? A copy of the pod, in which a server of the judge's stands in for one container.

The stand-in answers every request with a secret word. If the word reaches the shared volume, the side-car fetched it, whatever its
script looks like. The pod that is judged stays untouched."""

from __future__ import annotations

import copy
import ipaddress
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shallowdive.checks.load import stop_load
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.errors import WaitTimeout
from shallowdive.live import poll
from shallowdive.objects import ROLE, Object

NAME = "judge-stand-in"
START_S, LISTEN_S = 90, 15
"""Seconds for the copy to start (usually 3; longer only where the machine is overloaded), and for the word to arrive once it runs."""
TCP_LISTEN = "0A"
SERVE = 'for port in $PORTS; do /agnhost netexec --http-port=$port --udp-port=-1 --http-override="/echo?msg=$WORD" & done; wait'


@dataclass(frozen=True, slots=True)
class Socket:
    """One line of /proc/net/tcp: addresses as text, the state's number, the inode."""

    here: str
    port: int
    there: str
    state: str
    inode: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Whether the word reached the volume, and whether the pod ever asked itself by its own address."""

    word: bool
    by_own_address: bool


def sockets(table: str) -> list[Socket]:
    """Parse the text of /proc/net/tcp and /proc/net/tcp6 (one after the other); anything that is no socket is left out."""
    found = []
    for fields in (line.split() for line in table.splitlines()):
        if len(fields) >= 10 and fields[0].rstrip(":").isdigit() and ":" in fields[1]:
            (here, port), there = fields[1].split(":"), fields[2].split(":")[0]
            found.append(Socket(_address(here), int(port, 16), _address(there), fields[3], fields[9]))
    return found


def _address(text: str) -> str:
    """An address as the kernel prints it: 32-bit words in the byte order of the machine; all our machines are little-endian."""
    raw = b"".join(bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8))
    address = ipaddress.ip_address(raw)
    return str(getattr(address, "ipv4_mapped", None) or address)


def stand_in(client: NamespaceClient, pod: Object, container: str, ports: Sequence[int], folders: Sequence[str]) -> Heard:
    """Run the copy, listen in `folders` (of the replaced container) for the word, and remove the copy."""
    word = f"word-{secrets.token_hex(8)}"
    stop_load(client, NAME)
    client.apply(copy_of(pod, container, ports, word), manager="shallowdive-judge")
    try:
        client.wait_for("the judge's copy of the pod to start", lambda now: _runs(now.get("Pod", NAME), container), within_s=START_S)
        with suppress(WaitTimeout):
            return poll("the word to arrive", lambda: _listen(client, container, word, folders), within_s=LISTEN_S, every_s=0.5)
        return Heard(False, False)
    finally:
        stop_load(client, NAME)


def copy_of(pod: Object, container: str, ports: Sequence[int], word: str) -> Object:
    """The pod's own spec, without what was decided for it (node, token) and with the judge's server in one place."""
    spec: dict[str, Any] = copy.deepcopy(pod["spec"])
    for gone in ("nodeName", "ephemeralContainers", "hostname", "subdomain"):
        spec.pop(gone, None)
    spec["volumes"] = [v for v in spec.get("volumes") or [] if not is_token(v)]
    for c in [*spec["containers"], *(spec.get("initContainers") or [])]:
        c["volumeMounts"] = [m for m in c.get("volumeMounts") or [] if not is_token(m)]
        if c["name"] == container:
            kept = {k: c[k] for k in ("name", "volumeMounts", "securityContext", "restartPolicy") if k in c}
            c.clear()
            env = [{"name": "PORTS", "value": " ".join(map(str, ports))}, {"name": "WORD", "value": word}]
            c.update(kept | {"image": AGNHOST, "command": ["sh", "-c", SERVE], "env": env})
    spec["terminationGracePeriodSeconds"] = 0
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {ROLE: "judge"}}, "spec": spec}


def is_token(named: dict[str, Any]) -> bool:
    return str(named["name"]).startswith("kube-api-access-")


def _runs(pod: Object | None, container: str) -> bool:
    status = (pod or {}).get("status") or {}
    both = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    return any(c["name"] == container and "running" in (c.get("state") or {}) for c in both)


def _listen(client: NamespaceClient, container: str, word: str, folders: Sequence[str]) -> Heard | None:
    script = 'w=$1; shift; grep -rqs "$w" "$@" && cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; true'
    table = client.exec(NAME, ("sh", "-c", script, "sh", word, *folders), container=container)
    if not table:
        return None
    return Heard(
        True, any(s.here == s.there and not ipaddress.ip_address(s.here).is_loopback for s in sockets(table) if s.state != TCP_LISTEN)
    )
