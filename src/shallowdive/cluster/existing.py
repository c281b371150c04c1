"""The existing backend: a cluster the learner already has, used only when they named its context and confirmed it.

Nothing is created but our namespace and marker, and the labs' namespaces. `down` removes the namespaces made from this home, the
marker if this home made it and nobody else's lab is left, and our copy of the entry."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster import health
from shallowdive.cluster.access import (
    MARKER,
    SYSTEM_NAMESPACE,
    TIMEOUT_S,
    Access,
    leave_marker,
    open_access,
    read_kubeconfig,
    refuse_foreign,
)
from shallowdive.cluster.backend import Say, State, Status
from shallowdive.cluster.home import Home, Lock, Record
from shallowdive.errors import NotOurs, ShallowDiveError

HOME_LABEL = "shallowdive/home"


@dataclass(slots=True)
class ExistingBackend:
    """`source` is the kubeconfig file that holds `context`; `confirmed` must repeat the context's name."""

    home: Home
    source: Path | None = None
    context: str = ""
    confirmed: str = ""
    http_url: str = ""
    name: str = field(default="existing", init=False)

    def up(self, say: Say) -> Status:
        with Lock(self.home, "up"):
            record = Record.load(self.home)
            if record and record.backend != self.name:
                raise NotOurs(
                    f"the name {self.home.cluster} is in use by a {record.backend} cluster", saw="its record", try_this="shallowdive down"
                )
            if record and record.phase == "ready":
                open_access(self.home)
                return self.status()
            entry = self._entry()
            server = entry["clusters"][0]["cluster"]["server"]
            if self.confirmed != self.context:
                raise NotOurs(
                    f"context {self.context} is {server}; it is used only after you confirm it",
                    saw=f"confirmed: {self.confirmed or 'nothing'}",
                    try_this=f"shallowdive up --backend existing --context {self.context} --confirm {self.context}",
                )
            return self._adopt(entry, server, say)

    def _adopt(self, entry: dict[str, list[dict[str, dict[str, str]]]], server: str, say: Say) -> Status:
        record = Record(self.home.cluster, self.name, context=self.context, server=server, http_url=self.http_url, marker=str(uuid.uuid4()))
        record.save(self.home)
        self.home.kubeconfig.touch(mode=0o600)
        self.home.kubeconfig.write_text(yaml.safe_dump(entry), encoding="utf-8")
        access = Access("owner", self.name, record.name, read_kubeconfig(self.home.kubeconfig, self.context), self.http_url)
        api = access.connect()
        say(f"marking {server} as used by the course (namespace {SYSTEM_NAMESPACE})")
        core = client.CoreV1Api(api)
        try:
            found = core.read_namespaced_config_map(MARKER, SYSTEM_NAMESPACE, _request_timeout=TIMEOUT_S)
            record.marker = (found.data or {})["uid"]
        except ApiException as exc:
            if exc.status != 404:
                raise
            leave_marker(api, record.marker)
            record.made_marker = True
        record.version, record.phase = health.server_version(access), "ready"
        record.save(self.home)
        return self.status()

    def down(self, say: Say) -> bool:
        with Lock(self.home, "down"):
            record = Record.load(self.home)
            if record is None:
                return False
            if record.phase == "ready":
                self._sweep(client.CoreV1Api(open_access(self.home).connect()), record, say)
            self.home.kubeconfig.unlink(missing_ok=True)
            self.home.record.unlink(missing_ok=True)
            return True

    def _sweep(self, core: client.CoreV1Api, record: Record, say: Say) -> None:
        labs = core.list_namespace(label_selector=HOME_LABEL, _request_timeout=TIMEOUT_S).items
        of = {str(n.metadata.name): (n.metadata.labels or {}).get(HOME_LABEL) for n in labs if n.metadata}
        mine = [name for name, owner in of.items() if owner == record.owner]
        for name in mine:
            say(f"removing lab namespace {name}")
            core.delete_namespace(name, _request_timeout=TIMEOUT_S)
        if record.made_marker and len(mine) == len(of):
            say(f"removing the marker (namespace {SYSTEM_NAMESPACE})")
            core.delete_namespace(SYSTEM_NAMESPACE, _request_timeout=TIMEOUT_S)

    def status(self) -> Status:
        record = Record.load(self.home)
        facts: dict[str, object] = {"backend": self.name, "cluster": self.home.cluster}
        if record is None:
            return Status(State.ABSENT, "", facts)
        facts |= {"context": record.context, "server": record.server, "http_url": record.http_url, "version": record.version}
        facts["kubeconfig"] = str(self.home.kubeconfig)
        try:
            wrong = health.complaints(open_access(self.home), 0, 0)
        except (ShallowDiveError, ApiException, OSError) as exc:
            return Status(State.BROKEN, str(exc).splitlines()[0], facts)
        return Status(State.DEGRADED, "; ".join(wrong), facts) if wrong else Status(State.RUNNING, "", facts)

    def set_node(self, node: str, *, running: bool) -> None:
        what = "started" if running else "stopped"
        raise NotOurs(f"{node} is not {what}", saw="an existing cluster: its nodes are not the course's", try_this="shallowdive status")

    def set_component(self, component: str, *, running: bool) -> None:
        self.set_node(component, running=running)

    def _entry(self) -> dict[str, list[dict[str, dict[str, str]]]]:
        """The named context alone, as a kubeconfig of its own; programs and foreign files in it are refused."""
        if not self.context or self.source is None:
            raise NotOurs(
                "an existing cluster is used only by name",
                saw="no context named",
                try_this="shallowdive up --backend existing --from-kubeconfig FILE --context NAME --confirm NAME",
            )
        try:
            document = yaml.safe_load(self.source.read_text(encoding="utf-8")) or {}
            context = next(c for c in document["contexts"] if c["name"] == self.context)
            cluster = next(c for c in document["clusters"] if c["name"] == context["context"]["cluster"])
            user = next(u for u in document["users"] if u["name"] == context["context"]["user"])
        except (OSError, KeyError, TypeError, StopIteration, yaml.YAMLError) as exc:
            raise NotOurs(
                f"{self.source} has no context {self.context}", saw=type(exc).__name__, try_this="kubectl config get-contexts"
            ) from exc
        refuse_foreign(cluster["cluster"], user["user"])
        return {"apiVersion": "v1", "kind": "Config", "contexts": [context], "clusters": [cluster], "users": [user]}  # type: ignore[dict-item]
