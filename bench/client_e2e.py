"""The official client's own end-to-end tests, on a kind cluster and on the embedded one: what passes there must pass here.

    python bench/client_e2e.py SOURCE       SOURCE: a checkout or a git directory of kubernetes-client/python

The tests are copied to a folder that is removed afterwards; they are not part of this repository. They use images that have to be
pulled, so without a registry some fail on kind too. Those of exec and port-forward are listed apart. What the tests leave in the
namespace `default` is deleted after each run. Exit 1: something else passes on kind and not on embedded."""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import kubernetes
import targets
from kubernetes import client, config

from shallowdive.cluster import Home
from tests.servers import clean_environment

FOLDERS = ("kubernetes/e2e_test", "kubernetes/aio/e2e_test")
STREAMS = {"stream", "portforward"}
DIFFERENCES: dict[str, str] = {}
"""Tests that need what the embedded cluster deliberately lacks."""
LEFT_BEHIND = ("deployment", "daemon_set", "replication_controller", "job", "service", "config_map", "pod")
CONFTEST = """
import kubernetes, kubernetes.aio
kubernetes.__path__.append({folder!r} + "/kubernetes")
kubernetes.aio.__path__.append({folder!r} + "/kubernetes/aio")
"""


def extract(source: Path, folder: Path) -> None:
    """Copy the tests from a checkout, or from a git directory that may hold only part of the history's files."""
    if (source / FOLDERS[0]).is_dir():
        for name in FOLDERS:
            shutil.copytree(source / name, folder / name)
        return
    git = ["git", f"--git-dir={source}"]
    listing = subprocess.run(
        [*git, "ls-tree", "-r", "--name-only", "HEAD", *FOLDERS], capture_output=True, text=True, check=True, timeout=60
    )
    for name in listing.stdout.splitlines():
        text = subprocess.run([*git, "show", f"HEAD:{name}"], capture_output=True, check=True, timeout=60).stdout
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)


def replace_image(folder: Path, image: str) -> None:
    """Have the tests use an image that is there instead of `busybox`."""
    for path in (p for name in FOLDERS for p in (folder / name).glob("test_*.py")):
        path.write_text(path.read_text().replace("'image': 'busybox'", f"'image': '{image}'"))


def tests_with_streams(folder: Path) -> set[str]:
    """Names of the tests that exec or forward a port: their source calls `stream` or `portforward`."""
    found = set()
    for path in (p for name in FOLDERS for p in (folder / name).glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
                called = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
                if called & STREAMS:
                    found.add(node.name)
    return found


def run(folder: Path, kubeconfig: Path, only: str, limit_s: int) -> dict[str, tuple[str, str]]:
    """Test → (passed | failed | skipped, the first line of why not)."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    (folder / "conftest.py").write_text(CONFTEST.format(folder=str(folder)))
    environment = clean_environment() | {
        "HOME": str(folder), "KUBECONFIG": str(kubeconfig), "PYTHONSAFEPATH": "1", "NO_PROXY": "*", "no_proxy": "*",
    }  # fmt: skip
    options = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={folder}", f"--junitxml={report}"]
    command = [sys.executable, "-m", "pytest", *options, f"--timeout={limit_s}", *(["-k", only] if only else []), *FOLDERS]
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=limit_s * 80)
    results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        verdict, why = "passed", ""
        for kind in ("failure", "error", "skipped"):
            node = case.find(kind)
            if node is not None:
                verdict, why = ("skipped" if kind == "skipped" else "failed"), (node.get("message") or "").strip().split("\n")[0]
        name = case.get("classname", "").replace("kubernetes.", "", 1) + "." + case.get("name", "")
        results[name] = (verdict, why)
    return results


@contextlib.contextmanager
def swept(kubeconfig: Path) -> Any:
    """Delete what appears in the namespace `default` meanwhile."""
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
    settings.no_proxy = "*"
    with client.ApiClient(settings) as api:
        homes = (client.AppsV1Api(api), client.BatchV1Api(api), client.CoreV1Api(api))
        owner = {kind: next(h for h in homes if hasattr(h, f"list_namespaced_{kind}")) for kind in LEFT_BEHIND}

        def listed(kind: str) -> dict[str, str]:
            return {o.metadata.uid: o.metadata.name for o in getattr(owner[kind], f"list_namespaced_{kind}")("default").items}

        before = {kind: listed(kind) for kind in LEFT_BEHIND}
        yield
        for kind in LEFT_BEHIND:
            for uid, name in listed(kind).items():
                if uid not in before[kind]:
                    options = client.V1DeleteOptions(propagation_policy="Background", grace_period_seconds=0)
                    with contextlib.suppress(client.ApiException):
                        getattr(owner[kind], f"delete_namespaced_{kind}")(name, "default", body=options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--kind", type=Path, default=Home.from_environment().kubeconfig, help="kubeconfig of the kind cluster")
    parser.add_argument("--on", choices=("both", "kind", "embedded"), default="both")
    parser.add_argument("-k", dest="only", default="", help="as pytest's")
    parser.add_argument("--busybox", metavar="IMAGE", default="", help="the image to run for `busybox`, where that cannot be pulled")
    parser.add_argument("--limit-s", type=int, default=60, help="for one test")
    parser.add_argument("--speed", type=float, default=1.0, help="of the embedded cluster's clock")
    args = parser.parse_args()
    targets.end_on_terminate()
    results: dict[str, dict[str, tuple[str, str]]] = {}
    with tempfile.TemporaryDirectory(prefix="client-e2e-") as tmp:
        folder = Path(tmp).resolve()
        extract(args.source, folder)
        apart = tests_with_streams(folder)
        if args.busybox:
            replace_image(folder, args.busybox)
        if args.on != "embedded":
            with swept(args.kind):
                results["kind"] = run(folder, args.kind, args.only, args.limit_s)
        if args.on != "kind":
            with targets.embedded(folder / "cluster", speed=args.speed) as target:
                results["embedded"] = run(folder, target.kubeconfig, args.only, args.limit_s)
    return show(results, apart)


def show(results: dict[str, dict[str, tuple[str, str]]], apart: set[str]) -> int:
    names = sorted(set().union(*results.values()))
    print(f"kubernetes client {kubernetes.__version__}; {len(names)} tests\n")
    broken = []
    for title, of_streams in (("API", False), ("exec and port-forward", True)):
        print(f"{title}\n{'test':<92} {'  '.join(f'{target:<8}' for target in results)}")
        for name in names:
            short = name.rpartition(".")[2]
            if (short in apart) != of_streams:
                continue
            row = {target: found.get(name, ("absent", "")) for target, found in results.items()}
            print(f"{name:<92} {'  '.join(f'{verdict:<8}' for verdict, _ in row.values())}")
            for target, (verdict, why) in row.items():
                if verdict == "failed":
                    print(f"    {target}: {why[:200]}")
            if row.get("kind", ("", ""))[0] == "passed" and row.get("embedded", ("passed", ""))[0] != "passed":
                if short in DIFFERENCES:
                    print(f"    a known difference: {DIFFERENCES[short]}")
                elif not of_streams:
                    broken.append(name)
        print()
    for target, found in results.items():
        print(f"{target}: {sum(v == 'passed' for v, _ in found.values())} of {len(found)} passed")
    if broken:
        print(f"{len(broken)} pass on kind and not on embedded: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
