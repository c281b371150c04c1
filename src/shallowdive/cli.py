"""The command line: parsing and printing. Exit codes are those of `errors.py` (3: no engine works)."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shallowdive import __version__
from shallowdive.checks import CheckResult, judge, lab_of
from shallowdive.cluster import Home, NamespaceClient, State, Status, backend_for, open_access, up, why
from shallowdive.cluster.outage import Outage, restore
from shallowdive.doctor import examine, look, troubles
from shallowdive.errors import BadAnswer, CheckFailed, NoCluster, NotYet, ShallowDiveError
from shallowdive.grading.grade import Options, grade_class
from shallowdive.grading.run import TOTAL_S
from shallowdive.grading.told import told_of
from shallowdive.lessons import lesson
from shallowdive.lessons.place import NOBODY, find_namespace, forget, history_file, learner
from shallowdive.live import History
from shallowdive.notebooks import execute, place
from shallowdive.notebooks.execute import read

COURSE = Path(__file__).resolve().parents[2]
"""The checkout this package was installed from: labs/ and my-labs/ are there."""


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = args.run
    try:
        return verb(args)
    except ShallowDiveError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("\nstopped; the next `up` continues from here", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="shallowdive", description="A cluster, labs and checks for Kubernetes Shallow Dive.")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        p = verbs.add_parser(name, help=text, description=text)
        p.set_defaults(run=run)
        p.add_argument("--name", default="", help="name of the cluster (default: shallowdive)")
        return p

    p = verb("up", _up, "make the cluster, or check the one that runs")
    p.add_argument("--backend", choices=["kind", "existing", "embedded"], default="", help="default: kind, or embedded without an engine")
    p.add_argument("--speed", type=float, default=0.0, help="embedded: how many of its seconds pass in one of yours (default 1)")
    p.add_argument(
        "--node-image",
        default=os.environ.get("SHALLOWDIVE_NODE_IMAGE", ""),
        help="kind: node image (default: local, else kind's pinned one)",
    )
    p.add_argument("--from-kubeconfig", type=Path, help="existing: the file that holds the context")
    p.add_argument("--context", default="", help="existing: the context to use")
    p.add_argument("--confirm", default="", help="existing: the context's name once more")
    p.add_argument("--http-url", default="", help="existing: address of its ingress controller")
    p = verb("status", _status, "say how the cluster is")
    p.add_argument("--json", action="store_true", help="the facts, for programs")
    verb("down", _down, "remove the cluster; nothing else is touched")
    verb("restore", _restore, "switch on again what a lab has switched off")
    p = verb("doctor", _doctor, "look at this machine and say what to do")
    p.add_argument("--json", action="store_true", help="the facts and findings, for programs")
    p = verb("grade", _grade, "run and judge what a class handed in")
    p.add_argument("submissions", type=Path, help="a folder, or the archive that a school's system gives")
    p.add_argument("--lab", required=True, help="number or id, for example 12")
    p.add_argument("--out", type=Path, required=True, help="folder for the results; run again with it, a batch goes on where it was")
    p.add_argument("--workers", type=int, default=0, help="how many at a time (default: what the cluster, or this machine, can take)")
    p.add_argument(
        "--in", dest="where", choices=["pod", "process"], default="", help="where a submission runs (default: pod; embedded: process)"
    )
    p.add_argument("--image", default="", help="the image of the pods, where the cluster pulls it (default: built here, kind only)")
    p.add_argument("--limit", type=float, default=TOTAL_S, help=f"seconds for each submission (default {TOTAL_S})")
    p.add_argument("--hidden", type=Path, help="a Python file with criteria of your own: CRITERIA")
    p.add_argument("--require-full", action="store_true", help="end with status 1 unless everybody has everything (for CI)")
    p = verb("submission", _submission, "say what a grader will find in a notebook, before it is handed in")
    p.add_argument("file", type=Path)
    verb("explain", _explain, "say more about the code of an error").add_argument("code", help="as it stands in the message: SD-E01")
    verb("kubeconfig", _kubeconfig, "print the path of our kubeconfig file")
    p = verb("node", _node, "stop a node, as a machine that loses its power, or start it again")
    p.add_argument("what", choices=["stop", "start"])
    p.add_argument("node", help="as in: kubectl get nodes")
    p = verb("lab", _lab, "open the labs in JupyterLab")
    p.add_argument("lab", nargs="?", default="1", help="number or id, for example 12")
    p.add_argument("--headless", action="store_true", help="run its solution without a browser and print the receipt")
    for name, run, text in (("check", _check, "verify a lab, as session.check() does"), ("reset", _reset, "start a lab again")):
        verb(name, run, text).add_argument("lab", help="number or id, for example 12")
    return top


def _up(args: argparse.Namespace) -> int:
    home = Home.from_environment(args.name)
    backend = backend_for(
        home,
        backend=args.backend,
        image=args.node_image,
        context=args.context,
        source=args.from_kubeconfig,
        confirmed=args.confirm,
        http_url=args.http_url,
        speed=args.speed,
    )
    problem = getattr(backend, "instead_of", None)
    print(*([problem] if problem else []), f"backend: {backend.name} ({why(backend, home)})", sep="\n", flush=True)
    _say_status(up(backend, lambda line: print(line, flush=True)))
    return 0


def _say_status(status: Status) -> None:
    f = status.facts
    print(f"{f.get('cluster', '')}: {status.state}" + (f" ({status.why})" if status.why else ""))
    for label, key in (("Kubernetes", "version"), ("kubeconfig", "kubeconfig"), ("context", "context"), ("entrance", "http_url")):
        if f.get(key):
            print(f"  {label + ':':12}{f[key]}")
    if f.get("speed", 1) != 1:
        print(f"  {'time:':12}runs {f['speed']:g} times as fast")
    if f.get("note"):
        print(f"  {f['note']}")


def _status(args: argparse.Namespace) -> int:
    home = Home.from_environment(args.name)
    status, off = backend_for(home).status(), Outage.load(home)
    if args.json:
        print(json.dumps({"state": status.state, "why": status.why, "off": str(off or ""), **status.facts}, indent=1))
    else:
        _say_status(status)
        if off:
            print(f"  {off}")
        if off or status.state is not State.RUNNING:
            print(f"  next: shallowdive {'restore' if off else 'up'}")
    return 0 if status.state is State.RUNNING else 4


def _down(args: argparse.Namespace) -> int:
    removed = backend_for(Home.from_environment(args.name)).down(print)
    print("the cluster is removed" if removed else "there is no cluster of ours: nothing to do")
    return 0


def _restore(args: argparse.Namespace) -> int:
    home = Home.from_environment(args.name)
    backend = backend_for(home)
    was = restore(home, backend)
    print(f"{was}: on again" if was else "nothing is switched off")
    if was:
        _say_status(up(backend, print))
    return 0


def _doctor(args: argparse.Namespace) -> int:
    facts = look(Home.from_environment(args.name))
    findings = examine(facts)
    if args.json:
        print(
            json.dumps(
                {
                    "facts": facts.to_dict(),
                    "findings": [{k: getattr(f, k) for k in ("probe", "severity", "cause", "next_step")} for f in findings],
                },
                indent=1,
            )
        )
    else:
        print("\n".join(map(str, findings)))
    return 3 if any(f.severity == "problem" for f in findings) else 0


def _grade(args: argparse.Namespace) -> int:
    lab, out = lab_of(args.lab), args.out
    if not args.submissions.exists():
        raise BadAnswer("there are no submissions", saw=f"nothing at {args.submissions}", try_this="shallowdive grade FOLDER --lab …")
    if out.resolve().is_relative_to(args.submissions.resolve()):
        raise BadAnswer("the results would lie among the submissions", saw=str(out), try_this="--out a folder elsewhere")
    options = Options(COURSE, args.where, args.image, args.workers, args.limit, args.hidden)
    graded = grade_class(Home.from_environment(args.name), lab, args.submissions, out, options, lambda line: print(line, flush=True))
    print(f"{len(graded.rows)} submissions, {sum(r.state != 'graded' for r in graded.rows)} need review")
    print(f"kept apart by: {graded.isolation}")
    print(f"reference solution full in {sum(graded.canaries)} of {len(graded.canaries)} runs")
    print(out / "class.html")
    if not args.require_full:
        return 0
    for row in graded.rows:
        for c in row.criteria:
            print(f"{row.student}: {CheckResult(c['name'], c['passed'], c['want'], c['got'], c['look_at'])}")
        if row.state != "graded":
            print(f"{row.student}: needs review: {row.why}")
    return 0 if graded.rows and all(r.full for r in graded.rows) else 1


def _submission(args: argparse.Namespace) -> int:
    told = told_of(args.file, COURSE)
    print("\n".join(told.lines))
    return 0 if told.complete else 1


def _explain(args: argparse.Namespace) -> int:
    known = troubles()
    code = args.code.strip("[]").upper()
    if code not in known:
        print(f"there is no error {args.code}\n  seen: {', '.join(known)}\n  next: shallowdive doctor", file=sys.stderr)
        return 2
    print(known[code])
    return 0


def _node(args: argparse.Namespace) -> int:
    backend_for(Home.from_environment(args.name)).set_node(args.node, running=args.what == "start")
    print(f"node {args.node}: {'starting' if args.what == 'start' else 'stopped'}; it takes a while until the cluster notices")
    return 0


def _kubeconfig(args: argparse.Namespace) -> int:
    home = Home.from_environment(args.name)
    if not home.kubeconfig.exists():
        raise NoCluster(f"there is no cluster {home.cluster} yet", saw=f"no {home.kubeconfig}", try_this="shallowdive up")
    print(home.kubeconfig)
    return 0


def lab_environment(home: Home) -> dict[str, str]:
    """What kernels and terminals get: our kubeconfig, our kubectl on the PATH, our cluster."""
    return {
        **os.environ,
        "KUBECONFIG": str(home.kubeconfig),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SHALLOWDIVE_HOME": str(home.root),
        "SHALLOWDIVE_CLUSTER": home.cluster,
    }


def _lab(args: argparse.Namespace) -> int:
    home, lab = Home.from_environment(args.name), lab_of(args.lab)
    open_access(home)
    if args.headless:
        return _headless(home, lab.id)
    copies = place(COURSE / "labs", COURSE / "my-labs", "" if learner() == NOBODY else learner())
    first = next(c for c in copies if c.name.startswith(lab.id))
    print(f"opening {first.relative_to(COURSE)} in JupyterLab; stop it with Ctrl-C twice (the cluster stays: shallowdive down)")
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={COURSE / 'my-labs'}"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    settings = {"JUPYTERLAB_SETTINGS_DIR": str(jupyterlab_settings(home.folder("jupyterlab")))}
    return subprocess.call([*command, f"--LabApp.default_url=/lab/tree/{first.name}"], env=lab_environment(home) | settings)


def jupyterlab_settings(folder: Path) -> Path:
    """Settings of our own JupyterLab: no news and no update check (both ask the internet). What a learner changes there is kept."""
    quiet = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    if not quiet.exists():
        quiet.parent.mkdir(parents=True, exist_ok=True)
        quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}), encoding="utf-8")
    return folder


def _headless(home: Home, lab: str) -> int:
    """Run the executed solution again as a learner of its own, and print the receipt it writes."""
    who = f"headless-{os.getpid()}"
    env = {**{k: v for k, v in lab_environment(home).items() if k != "SHALLOWDIVE_STATIC"}, "SHALLOWDIVE_LEARNER": who}
    print(f"no terminal: running lab {lab} headless", flush=True)
    try:
        execute(read(str(COURSE / "labs" / "solutions" / f"{lab}.ipynb")), env=env)
    finally:
        forget(open_access(home), lab_of(lab), who)
    receipt = home.folder("receipts") / f"{lab}-{who}.json"
    print(receipt.read_text(encoding="utf-8"), end="")
    return 0 if json.loads(receipt.read_text(encoding="utf-8"))["passed"] else 1


def _check(args: argparse.Namespace) -> int:
    home, lab = Home.from_environment(args.name), lab_of(args.lab)
    access = open_access(home)
    namespace = find_namespace(access, lab, learner())
    if not namespace:
        raise NotYet(f"lab {lab.id} was not started yet", saw="no namespace of it", try_this=f"shallowdive lab {args.lab}")
    file = history_file(access, namespace)
    copy = file.with_suffix(f".{os.getpid()}")
    shutil.copyfile(file, copy) if file.exists() else copy.touch()
    client = NamespaceClient(access, namespace, History.load(copy))
    try:
        client.follower.start()
        results = judge(lab, client)
    finally:
        client.close()
        copy.unlink(missing_ok=True)
    print("\n".join(map(str, results)))
    failed = sum(not r.passed for r in results)
    if failed:
        raise CheckFailed(f"{failed} of {len(results)} criteria are not met yet")
    return 0


def _reset(args: argparse.Namespace) -> int:
    if args.name:
        os.environ["SHALLOWDIVE_CLUSTER"] = args.name
    session = lesson(args.lab)
    session.reset()
    print(f"lab {session.lab.id} starts again in namespace {session.namespace}")
    session.close()
    return 0
