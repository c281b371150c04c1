"""`python tools/labs.py [--execute] [LAB …]`: write labs/*.ipynb; with --execute also run the solutions on the course's cluster.

A solution is run again only when its source changed (or with --all). What was run on is kept in its metadata. What happened in its
namespace until the judge began is kept in labs/traces, which the book replays; --traces writes nothing else."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kubernetes import client

from shallowdive.checks import LABS as LABS_OF_THE_COURSE
from shallowdive.cli import lab_environment
from shallowdive.cluster import Access, Home, open_access
from shallowdive.cluster.home import Record
from shallowdive.errors import ShallowDiveError
from shallowdive.lessons.place import forget, history_file
from shallowdive.live import History, recording
from shallowdive.notebooks.build import learner_notebook, solution_notebook, source_hash, to_text
from shallowdive.notebooks.execute import execute, marks
from shallowdive.objects.traffic import by_second

LABS = Path(__file__).resolve().parents[1] / "labs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", nargs="*", help="ids; default all")
    parser.add_argument("--execute", action="store_true", help="run the solutions whose source changed")
    parser.add_argument("--all", action="store_true", help="with --execute: run them all")
    parser.add_argument("--traces", action="store_true", help="run them all, and keep only what happened (labs/traces)")
    args = parser.parse_args()
    for folder in ("solutions", "traces"):
        (LABS / folder).mkdir(exist_ok=True)
    for source in sorted((LABS / "src").glob("*.md")):
        if args.labs and source.stem not in args.labs:
            continue
        try:
            if args.traces:
                run(source)
                continue
            (LABS / f"{source.stem}.ipynb").write_text(to_text(learner_notebook(source)), encoding="utf-8")
            target = LABS / "solutions" / f"{source.stem}.ipynb"
            if args.execute and (args.all or _executed_source(target) != source_hash(source)):
                sys.stderr.write(f"running {source.stem}\n")
                target.write_text(to_text(run(source)), encoding="utf-8")
        except ShallowDiveError as exc:
            sys.stderr.write(f"{source.stem}: {exc}\n")
            return 1
    return 0


def run(source: Path) -> Any:
    """The solution with its outputs, and on what they were made; what happened in its namespace goes to labs/traces."""
    import nbformat

    made = nbformat.from_dict(solution_notebook(source))
    who = f"author-{os.getpid()}"
    home = Home.from_environment()
    access = open_access(home)
    try:
        execute(made, env={**lab_environment(home), "SHALLOWDIVE_LEARNER": who})
        receipt = json.loads((home.root / "receipts" / f"{source.stem}-{who}.json").read_text(encoding="utf-8"))
        executed = {
            "source": source_hash(source),
            "date": datetime.now(UTC).date().isoformat(),
            **{k: receipt["cluster"][k] for k in ("backend", "kubernetes", "node_image")},
        }
        recording.write(kept(source.stem, access, receipt["namespace"], marks(made), executed), LABS / "traces" / f"{source.stem}.json")
    finally:
        forget(access, LABS_OF_THE_COURSE[source.stem], who)
    for cell in made.cells:
        cell.metadata.pop("execution", None)
    made.metadata["language_info"] = {"name": "python"}
    made.metadata["shallowdive"]["executed"] = executed
    return made


def kept(lab: str, access: Access, namespace: str, began: list[recording.Mark], executed: dict[str, str]) -> recording.Recording:
    """The record of the namespace until the judge began, and what the traffic pods that are still there counted until then."""
    end = next(m.at_s for m in began if m.cell == "check")
    record = Record.load(Home.from_environment())
    kind = {"kind": record.kind_version} if record and record.kind_version else {}
    core = client.CoreV1Api(access.connect())
    found = core.list_namespaced_pod(namespace, label_selector="shallowdive/role=traffic").items
    pods = [str(p.metadata.name) for p in found if p.metadata]
    logs = {pod: core.read_namespaced_pod_log(pod, namespace, timestamps=True) for pod in pods}
    return recording.Recording(
        lab,
        namespace,
        {**{k: v for k, v in executed.items() if k != "source"}, "shallowdive": version("shallowdive"), **kind},
        [s for s in History.load(history_file(access, namespace)).events if s.at_s <= end],
        [m for m in began if m.at_s <= end],
        {pod: [s for s in by_second(log) if s.at_s <= end] for pod, log in logs.items()},
    )


def _executed_source(notebook: Path) -> str:
    try:
        return str(json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["executed"]["source"])
    except (OSError, ValueError, KeyError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
