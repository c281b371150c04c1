"""What makes a pod's volumes and their mounts invalid."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded import quantity, words
from shallowdive.embedded.words import Found

Json = dict[str, Any]

HOST_PATHS = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
ONE = "may not specify more than 1 volume type"
SOURCES = ("emptyDir", "hostPath", "gitRepo", "nfs", "secret", "configMap", "downwardAPI", "projected", "persistentVolumeClaim",
           "ephemeral", "csi", "image", "iscsi", "local")  # fmt: skip


def volumes(value: list[Json], path: str, found: Found) -> set[str]:
    """Returns the names of the valid volumes."""
    names: set[str] = set()
    for index, volume in enumerate(value):
        at, name, before = f"{path}[{index}]", volume.get("name", ""), len(found)
        source(volume, at, found)
        if not name:
            found.required(f"{at}.name")
        elif words.label(name):
            found.check(f"{at}.name", name, words.label)
        elif name in names:
            found.duplicate(f"{at}.name", name)
        if len(found) == before:
            names.add(name)
    return names


def source(volume: Json, path: str, found: Found) -> int:
    """What a volume is made of, also of a persistent one. Returns how many sources there are."""
    kinds = [name for name in SOURCES if name in volume]
    for extra in kinds[1:]:
        found.forbidden(f"{path}.{extra}", ONE)
    if kinds:
        _one_source(kinds[0], volume[kinds[0]], f"{path}.{kinds[0]}", found)
    return len([name for name in volume if name in SOURCES])


REQUIRED = {
    "configMap": ("name",),
    "secret": ("secretName",),
    "persistentVolumeClaim": ("claimName",),
    "hostPath": ("path",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
}


def _one_source(kind: str, value: Json, path: str, found: Found) -> None:
    for name in REQUIRED.get(kind, ()):
        if not value.get(name):
            found.required(f"{path}.{name}")
    if kind in ("configMap", "secret", "downwardAPI", "projected"):
        mode = value.get("defaultMode", 0)
        if not 0 <= mode <= 0o777:
            found.invalid(f"{path}.defaultMode", mode, "must be a number between 0 and 0777 (octal), both inclusive")
        for index, item in enumerate(value.get("items") or ()):
            _item(item, f"{path}.items[{index}]", path, kind == "downwardAPI", found)
    for index, part in enumerate(value.get("sources") or ()):
        at = f"{path}.sources[{index}]"
        for name in ("configMap", "secret"):
            if name in part and not part[name].get("name"):
                found.required(f"{at}.{name}.name")
        if "serviceAccountToken" in part and not part["serviceAccountToken"].get("path"):
            found.required(f"{path}.path")
    if kind == "nfs" and not value.get("path", "").startswith("/"):
        found.invalid(f"{path}.path", value.get("path", ""), "must be an absolute path")
    if kind == "hostPath" and value.get("path"):
        if ".." in value["path"].split("/"):
            found.invalid(f"{path}.path", value["path"], "must not contain '..'")
        found.one_of(f"{path}.type", value.get("type", ""), HOST_PATHS)
    if kind == "emptyDir" and quantity.nano(value.get("sizeLimit", "0")) < 0:
        found.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _item(item: Json, path: str, volume: str, downward: bool, found: Found) -> None:
    if downward:
        if not {"fieldRef", "resourceFieldRef"} & item.keys():
            found.required(volume, "one of fieldRef and resourceFieldRef is required")
    elif not item.get("key"):
        found.required(f"{path}.key")
    if not 0 <= item.get("mode", 0) <= 0o777:
        found.invalid(f"{path}.mode", item["mode"], "must be a number between 0 and 0777 (octal), both inclusive")
    if not item.get("path"):
        found.required(f"{path}.path")
    else:
        found.check(f"{path}.path", item["path"], words.relative_path)


def mounts(container: Json, path: str, names: set[str], found: Found) -> None:
    places: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        at, name, place = f"{path}.volumeMounts[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            found.required(f"{at}.name")
        if name not in names:
            found.not_found(f"{at}.name", name)
        if not place:
            found.required(f"{at}.mountPath")
        if place in places:
            found.invalid(f"{at}.mountPath", place, "must be unique")
        places.add(place)
        if mount.get("subPath"):
            found.check(f"{path}.volumeMounts.subPath", mount["subPath"], words.relative_path)
        if "mountPropagation" in mount:
            found.one_of(f"{path}.volumeMounts.mountPropagation", mount["mountPropagation"], ("Bidirectional", "HostToContainer", "None"))
    for index, device in enumerate(container.get("volumeDevices") or ()):
        if device.get("name") not in names:
            found.not_found(f"{path}.volumeDevices[{index}].name", device.get("name", ""))
