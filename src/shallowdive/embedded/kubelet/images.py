"""The images that are there, and what the container runtime says of all others: no registry can be reached from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from shallowdive.embedded.programs.files import Device, File, Folder
from shallowdive.embedded.programs.process import Program

NAMESERVER = "172.18.0.1:53"
DOCKER_HUB = "docker.io"
COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")
BUILT = 1764097380.0
"""When the images' own files were made, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Image:
    """`programs` maps paths to what runs when they are executed; `shell` says whether the image has busybox's tools."""

    id: str
    size_bytes: int
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    programs: Mapping[str, Program] = field(default_factory=dict)
    shell: bool = True

    def root(self, now: float) -> Folder:
        """A container's own tree of files: a copy for each, but the programs are shared."""
        root = Folder(changed=BUILT)
        for path, program in self.programs.items():
            root.entries[path.lstrip("/")] = File(program=program, changed=BUILT, size=self.size_bytes)
        if self.shell:
            root.entries["bin"] = tools()
        dev = Folder({name: Device(name, now) for name in ("null", "zero", "full", "random", "urandom", "tty")}, changed=now)
        dev.entries["shm"] = Folder(changed=now)
        dev.entries["termination-log"] = File(changed=now)
        root.entries |= {"dev": dev, "tmp": Folder(changed=BUILT), "sys": Folder(read_only=True, changed=now)}
        root.entries["etc"] = Folder({"passwd": File(b"root:x:0:0:root:/:/bin/sh\n", changed=BUILT)}, changed=now)
        root.entries["var"] = Folder({"run": Folder(changed=now)}, changed=BUILT)
        return root


@cache
def tools() -> Folder:
    """/bin, the same for every container."""
    from shallowdive.embedded.programs.busybox import APPLETS  # the shell is a fifth of everything: not before a container needs it

    return Folder(
        {name: File(program=program, changed=BUILT, size=1050000) for name, program in APPLETS.items()}, read_only=True, changed=BUILT
    )


@cache
def images() -> dict[str, Image]:
    """The images that are there, by their full names."""
    from shallowdive.embedded.programs.agnhost import PROGRAMS

    agnhost = {"/agnhost": PROGRAMS["/agnhost"]}
    pause = {"/pause": PROGRAMS["/pause"]}
    found = {
        "registry.k8s.io/e2e-test-images/agnhost:2.66.1": Image(
            "sha256:3929c3df1042f5249932fe081ac8f77f075271b33e54fc9a58920af35dfb7d7a", 66470147, ("/agnhost",), ("pause",), agnhost
        ),
        "registry.k8s.io/e2e-test-images/agnhost:2.63.0": Image(
            "sha256:35b4803d5d8f83cdba5ced74ba536effed038bf413764648cc5e48b7983523b1", 65925379, ("/agnhost",), ("pause",), agnhost
        ),
        "registry.k8s.io/e2e-test-images/busybox:1.37.0-1": Image(
            "sha256:af9f0df703154471b868b7af4deed407031c0d84b91f37714a1d9fcd59c4abd7", 2172527, (), ("sh",)
        ),
        "registry.k8s.io/pause:3.10": Image(
            "sha256:c2cb87fa0c9770628373a8eb8a9d1f6e0d951d29ab9ef4a38883bbbc0d5ca776", 694710, ("/pause",), (), pause, shell=False
        ),
    }
    found["registry.k8s.io/pause:3.10.2"] = found["registry.k8s.io/pause:3.10"]
    return found


class Trouble(Exception):
    """An image cannot be used. `reason` is the container's waiting reason, `event` the event's reason."""

    def __init__(self, reason: str, message: str, event: str = "Failed") -> None:
        super().__init__(message)
        self.reason, self.message, self.event = reason, message, event


def find(name: str) -> Image | None:
    """The image, when it is there. Raises Trouble `InvalidImageName`."""
    problem = _wrong_with(name)
    if problem:
        message = f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}": invalid reference format'
        raise Trouble("InvalidImageName", message + (f": {problem}" if problem != "-" else ""), "InspectFailed")
    return images().get(full_name(name))


def _wrong_with(name: str) -> str:
    """'' when the name is well-formed; else what is said after `invalid reference format`, `-` for nothing."""
    rest, _, digest = name.partition("@")
    path, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        path, tag = rest, "latest"
    if not path or not TAG.fullmatch(tag) or (digest and not DIGEST.fullmatch(digest)):
        return "-"
    components = path.split("/")
    if len(components) > 1 and (
        any(c in components[0] for c in ".:") or components[0] == "localhost" or components[0].lower() != components[0]
    ):
        components = components[1:]
    if any(not COMPONENT.fullmatch(c) for c in components):
        own = "/".join(components)
        return f"repository name ({own}) must be lowercase" if COMPONENT.fullmatch(components[0].lower()) and own != own.lower() else "-"
    return ""


def full_name(name: str) -> str:
    """`nginx` is `docker.io/library/nginx:latest`."""
    host, slash, rest = name.partition("/")
    if not slash or not (any(c in host for c in ".:") or host == "localhost"):
        host, rest = DOCKER_HUB, name if slash else f"library/{name}"
    if "@" not in rest and ":" not in rest.rsplit("/", 1)[-1]:
        rest += ":latest"
    return f"{host}/{rest}"


def unreachable(name: str) -> str:
    """What the runtime says after it has tried to pull."""
    full = full_name(name)
    host, _, rest = full.partition("/")
    repository, _, reference = rest.partition("@") if "@" in rest else rest.rpartition(":")
    server = "registry-1.docker.io" if host == DOCKER_HUB else host
    return (
        f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": failed to do request: '
        f'Head "https://{server}/v2/{repository}/manifests/{reference}": dial tcp: lookup {server.partition(":")[0]} on {NAMESERVER}: '
        "no such host"
    )
