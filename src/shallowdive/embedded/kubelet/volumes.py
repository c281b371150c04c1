"""A pod's volumes as folders in memory, and why one of them cannot be mounted.

An emptyDir lives as long as its pod; the folder of a PersistentVolume as long as the volume; a hostPath as long as the node. Files made
from ConfigMaps and Secrets follow their objects, a while later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.kinds import CONFIGMAPS, PVCS, PVS, SECRETS, SERVICEACCOUNTS
from shallowdive.embedded.kubelet.environment import contents, field_of, resource_of
from shallowdive.embedded.programs.files import File, Files, Folder, Live, Node, parts
from shallowdive.embedded.store import Object, Store

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


class FailedMount(Exception):
    """A volume is not ready; the message is the kubelet's event."""


@dataclass(slots=True)
class Shelf:
    """Folders that outlive pods."""

    persistent: dict[str, Folder] = field(default_factory=dict)
    host: dict[tuple[str, str], Folder] = field(default_factory=dict)
    """By node and path."""

    def forget(self, volume: str) -> None:
        self.persistent.pop(volume, None)


@dataclass(slots=True)
class Volumes:
    """The volumes of one pod."""

    cluster: Cluster
    shelf: Shelf
    ips: dict[str, str]
    folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def _store(self) -> Store:
        return self.cluster.store

    def set_up(self, pod: Object) -> None:
        """Make every volume's folder. Raises FailedMount for the first that cannot be."""
        for volume in pod["spec"].get("volumes") or ():
            if volume["name"] not in self.folders:
                try:
                    self.folders[volume["name"]] = self._make(pod, volume)
                except FailedMount as why:
                    raise FailedMount(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}') from None

    def _make(self, pod: Object, volume: dict[str, Any]) -> Folder:
        now = self.cluster.clock.now()
        if "emptyDir" in volume:
            return Folder(changed=now)
        if "hostPath" in volume:
            return self.shelf.host.setdefault((pod["spec"]["nodeName"], volume["hostPath"]["path"]), Folder(changed=now))
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or f"{pod['metadata']['name']}-{volume['name']}"
            return self._claimed(pod["metadata"]["namespace"], claim)
        made = self._files(pod, volume)
        if made is None:
            kind = next((k for k in volume if k != "name"), "volume")
            raise FailedMount(f"no plugin for volumes of the kind {kind} in the embedded cluster")
        return Folder(made, changed=now)

    def _claimed(self, namespace: str, name: str) -> Folder:
        claim = self._store.get(PVCS, namespace, name)
        if claim is None:
            raise FailedMount(f'error processing PVC {namespace}/{name}: failed to fetch PVC from API server: "{name}" not found')
        volume = claim["spec"].get("volumeName", "")
        if claim.get("status", {}).get("phase") != "Bound" or self._store.get(PVS, "", volume) is None:
            raise FailedMount(f"error processing PVC {namespace}/{name}: PVC is not bound")
        return self.shelf.persistent.setdefault(volume, Folder(changed=self.cluster.clock.now()))

    def refresh(self, pod: Object) -> None:
        """Take what ConfigMaps, Secrets and the pod's own labels say now into the files; what has gone missing stays as it was."""
        for volume in pod["spec"].get("volumes") or ():
            folder = self.folders.get(volume["name"])
            try:
                made = self._files(pod, volume) if folder is not None else None
            except FailedMount:
                continue
            if folder is not None and made is not None:
                _update(folder, made)

    def _files(self, pod: Object, volume: dict[str, Any]) -> dict[str, Node] | None:
        """The files that are made from objects; None for other kinds of volume."""
        sources = volume["projected"].get("sources") or [] if "projected" in volume else [volume]
        found: dict[str, Node] = {}
        known = "projected" in volume
        for source in sources:
            for path, data in self._rows(pod, source):
                known = True
                _enter(found, path, data if isinstance(data, Live) else File(data, changed=self.cluster.clock.now()))
            known |= any(k in source for k in ("configMap", "secret", "downwardAPI"))
        return found if known else None

    def _rows(self, pod: Object, source: dict[str, Any]) -> Iterator[tuple[str, bytes | Live]]:
        namespace = pod["metadata"]["namespace"]
        for kind, resource, word in (("configMap", CONFIGMAPS, "configmap"), ("secret", SECRETS, "secret")):
            if source.get(kind):
                yield from self._keys(resource, word, namespace, source[kind])
        for row in (source.get("downwardAPI") or {}).get("items") or ():
            yield row["path"], self._downward(pod, row).encode()
        if source.get("serviceAccountToken"):
            yield source["serviceAccountToken"]["path"], Live(lambda: self._token(pod, source["serviceAccountToken"]))

    def _token(self, pod: Object, source: dict[str, Any]) -> bytes:
        """A token of the pod's service account, made when a program reads it."""
        account = self._store.get(SERVICEACCOUNTS, pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default"))
        if account is None:
            return b""
        audiences = [source["audience"]] if source.get("audience") else None
        return self.cluster.api.access.tokens.issue(account, source.get("expirationSeconds", 3600), audiences, pod).token.encode()

    def _downward(self, pod: Object, row: dict[str, Any]) -> str:
        if row.get("fieldRef"):
            return field_of(pod, row["fieldRef"]["fieldPath"], self.ips)
        return resource_of(self._store, pod, pod["spec"]["containers"][0], row["resourceFieldRef"])

    def _keys(self, resource: str, word: str, namespace: str, source: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
        name = source.get("secretName") or source.get("name", "")
        found = contents(self._store, resource, namespace, name)
        if found is None:
            if source.get("optional"):
                return
            raise FailedMount(f'{word} "{name}" not found')
        items = source.get("items") or [{"key": key, "path": key} for key in found]
        for item in items:
            if item["key"] in found:
                yield item["path"], found[item["key"]]
            elif not source.get("optional"):
                what = "configmap references non-existent config key" if word == "configmap" else "references non-existent secret key"
                raise FailedMount(f"{what}: {item['key']}")


def _enter(found: dict[str, Node], path: str, file: File | Live) -> None:
    *above, name = parts(path)
    for part in above:
        folder = found.setdefault(part, Folder(changed=file.changed))
        assert isinstance(folder, Folder)
        found = folder.entries
    found[name] = file


def _update(folder: Folder, made: dict[str, Node]) -> None:
    """The folder's entries become these; a file that is the same stays the same."""
    for name in [n for n in folder.entries if n not in made]:
        del folder.entries[name]
    for name, node in made.items():
        old = folder.entries.get(name)
        if isinstance(old, Folder) and isinstance(node, Folder):
            _update(old, node.entries)
        elif not (isinstance(old, File) and isinstance(node, File) and old.data == node.data):
            folder.entries[name] = node


def names_of(pod: Object) -> set[tuple[str, str]]:
    """(resource, name) of the ConfigMaps and Secrets whose files a pod mounts."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        for source in [volume, *((volume.get("projected") or {}).get("sources") or ())]:
            if source.get("configMap"):
                found.add((CONFIGMAPS, source["configMap"].get("name", "")))
            if source.get("secret"):
                found.add((SECRETS, source["secret"].get("secretName") or source["secret"].get("name", "")))
    return found


def mount(files: Files, volumes: Volumes, mounts: list[dict[str, Any]], expand: dict[str, str]) -> None:
    """Hang a container's volumes into its tree. A subPath that is not there becomes a folder."""
    for row in mounts:
        node: Node = volumes.folders[row["name"]]
        below = row.get("subPath") or row.get("subPathExpr", "")
        for name, value in expand.items():
            below = below.replace(f"$({name})", value)
        for part in parts(below):
            assert isinstance(node, Folder)
            node = node.entries.setdefault(part, Folder())
        files.mount(row["mountPath"], node, bool(row.get("readOnly")))
