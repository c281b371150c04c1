"""The image in which submissions run on a cluster: the packages that a lab needs, and this course, on Docker's Python or Debian's.

Nothing is fetched inside the build: wheels are collected on the host, in the versions and with the hashes of the lock. Where no registry
is reachable, the base is made by `debootstrap`. The tag is made of what is in it, so an image that is there is the right one."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shallowdive import process
from shallowdive.cluster import Home
from shallowdive.cluster.backend import Say
from shallowdive.cluster.images import RUNNER_BASE
from shallowdive.cluster.nodes import image_is_local, node_containers
from shallowdive.cluster.progress import step
from shallowdive.cluster.tools import need_kind
from shallowdive.errors import ProgramFailed, ToolMissing

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "requirements-test.lock"
NAME = "shallowdive/runner"
TOP = ("graphviz", "graphviz-pure", "ipykernel", "ipywidgets", "kubernetes", "nbval", "orjson", "psutil", "pyyaml")
"""What runs a lab; all that they need comes with them."""
PYTHON = "3.11"
"""Of the image, also where this Python is another: Debian 12's."""
DEBIAN = "bookworm"
DEBIAN_BASE = "shallowdive/runner-base:" + DEBIAN
PIP_LIMIT_S, BUILD_LIMIT_S, PULL_LIMIT_S, BOOTSTRAP_LIMIT_S, LOAD_LIMIT_S = 300, 300, 120, 600, 300
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
DOCKERFILE = """\
FROM {base}
COPY wheels /wheels
RUN {pip} install --no-index --no-deps --no-compile --no-cache-dir --root-user-action=ignore {flags} /wheels/*.whl && rm -r /wheels
COPY shallowdive /opt/course/shallowdive
ENV PYTHONPATH=/opt/course PYTHONDONTWRITEBYTECODE=1
"""


def tag() -> str:
    """`shallowdive/runner:` and twelve digits that stand for the packages, the course and how it is put together."""
    digest = hashlib.sha256("\n".join([*wanted(), DOCKERFILE, RUNNER_BASE, DEBIAN]).encode())
    for path in sources():
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return f"{NAME}:{digest.hexdigest()[:12]}"


def sources() -> list[Path]:
    """Every file of the package."""
    return sorted(p for p in (ROOT / "src" / "shallowdive").rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def wanted() -> list[str]:
    """The lines of the lock, with their hashes, for TOP and all that it needs, as they are installed here. ToolMissing when one is not."""
    names: set[str] = set()
    queue = list(TOP)
    while queue:
        name = _plain(queue.pop())
        if name in names:
            continue
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            raise ToolMissing(f"{name} is not installed here", saw="no such package", try_this="python3 dive.py test --version") from None
        names.add(name)
        queue += list(_of_linux(requires))
    locked = {_plain(re.split(r"[=<>!~\[ ;]", block, maxsplit=1)[0]): block for block in _blocks(LOCK.read_text(encoding="utf-8"))}
    return [locked[name] for name in sorted(names)]


def _of_linux(requires: list[str]) -> Iterator[str]:
    """Names of requirements that hold in the image: no extras, its Python, Linux."""
    from packaging.requirements import Requirement

    where = {
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.2",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    for line in requires:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({**where, "extra": ""}):
            yield need.name


def _blocks(lock: str) -> list[str]:
    """Requirements of a lock file, each with the hashes below it."""
    return [b for b in re.split(r"\n(?=\S)", lock.strip()) if not b.startswith("#")]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def ensure(home: Home, cluster: str, say: Say) -> str:
    """The image's tag, built where it is not there yet and loaded into every node of this kind cluster that has not got it."""
    image = tag()
    if not image_is_local(image):
        build(image, say)
    missing = [n.name for n in node_containers(cluster) if not _is_on(n.name, image)]
    if missing:
        with step(say, f"loading {image} into {len(missing)} nodes", 20):
            kind = need_kind(home, say)
            process.must([kind, "load", "docker-image", image, "--name", cluster, "--nodes", ",".join(missing)], limit_s=LOAD_LIMIT_S)
    return image


def _is_on(node: str, image: str) -> bool:
    names = process.run(["docker", "exec", node, "crictl", "images", "--output", "json"], limit_s=30)
    if names.status:
        return False
    return any(t.endswith(image) for row in json.loads(names.stdout)["images"] for t in row.get("repoTags") or [])


def build(image: str, say: Say) -> None:
    """Collect, build, tag. ProgramFailed with the command of the step that failed."""
    with tempfile.TemporaryDirectory(prefix="shallowdive-runner-") as folder:
        context = Path(folder)
        with step(say, "collecting the wheels of the runner's image", 20):
            collect(context)
        base, pip, flags = base_image(context, say)
        for path in sources():
            target = context / path.relative_to(ROOT / "src")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        (context / "Dockerfile").write_text(DOCKERFILE.format(base=base, pip=pip, flags=flags), encoding="utf-8")
        with step(say, f"building {image}", 30):
            process.must(["docker", "build", "--network", "none", "--quiet", "--tag", image, folder], limit_s=BUILD_LIMIT_S)


def collect(context: Path) -> None:
    """context/wheels: for the image's Python and this machine's processor, each with a hash of the lock."""
    import platform

    lock = context / "runner.lock"
    lock.write_text("\n".join(wanted()) + "\n", encoding="utf-8")
    machine = MACHINES.get(platform.machine().lower(), platform.machine())
    platforms = [f"manylinux{v}_{machine}" for v in ("_2_34", "_2_28", "_2_17", "2014")] + [
        f"manylinux_2_5_{machine}",
        f"manylinux1_{machine}",
    ]
    of_image = ["--python-version", PYTHON, "--implementation", "cp", *(o for p in platforms for o in ("--platform", p))]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    process.must([*command, "--require-hashes", *of_image, "--dest", str(context / "wheels"), "-r", str(lock)], limit_s=PIP_LIMIT_S)


def base_image(context: Path, say: Say) -> tuple[str, str, str]:
    """The base's name, its pip, and what that pip must be told. Docker's official Python where the registry answers, else Debian's."""
    if not image_is_local(RUNNER_BASE) and not image_is_local(DEBIAN_BASE):
        try:
            with step(say, f"pulling {RUNNER_BASE}", 20):
                process.must(["docker", "pull", "--quiet", RUNNER_BASE], limit_s=PULL_LIMIT_S)
        except ProgramFailed as exc:
            say(f"no registry: {exc.saw[:120]}")
            bootstrap(context, say)
    if image_is_local(RUNNER_BASE):
        return RUNNER_BASE, "pip", ""
    return DEBIAN_BASE, "python3 -m pip", "--break-system-packages"


def bootstrap(context: Path, say: Say) -> None:
    """DEBIAN_BASE from Debian's packages. ToolMissing without debootstrap, or without the right to make one."""
    program = shutil.which("debootstrap")
    if program is None or os.geteuid() != 0:
        raise ToolMissing(
            "the base of the runner's image cannot be had",
            saw="no registry answers, and " + ("debootstrap wants root" if program else "debootstrap is not installed"),
            try_this="sudo apt install debootstrap, and grade as root; or load " + RUNNER_BASE + " by hand",
        )
    root = context.parent / (context.name + "-base")
    try:
        with step(say, f"Debian {DEBIAN} with Python, from its packages", 45):
            packages = "--include=python3,python3-pip,ca-certificates"
            process.must([program, "--variant=minbase", packages, DEBIAN, root], limit_s=BOOTSTRAP_LIMIT_S)
        with step(say, "making an image of it", 10):
            left_out = ["--exclude=./var/cache/apt", "--exclude=./var/lib/apt/lists"]
            process.must(["tar", "-C", str(root), *left_out, "-cf", context / "base.tar", "."], limit_s=BUILD_LIMIT_S)
            process.must(["docker", "import", context / "base.tar", DEBIAN_BASE], limit_s=BUILD_LIMIT_S)
            (context / "base.tar").unlink()
    finally:
        shutil.rmtree(root, ignore_errors=True)
