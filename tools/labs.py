"""`python tools/labs.py [--execute] [LAB …]`: write labs/*.ipynb; with --execute also run the solutions on the course's cluster.

A solution is run again only when its source changed (or with --all). What was run on is kept in its metadata."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shallowdive.checks import LABS as LABS_OF_THE_COURSE
from shallowdive.cli import lab_environment
from shallowdive.cluster import Home, open_access
from shallowdive.errors import ShallowDiveError
from shallowdive.lessons.place import forget
from shallowdive.notebooks.build import learner_notebook, solution_notebook, source_hash, to_text
from shallowdive.notebooks.execute import execute

LABS = Path(__file__).resolve().parents[1] / "labs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", nargs="*", help="ids; default all")
    parser.add_argument("--execute", action="store_true", help="run the solutions whose source changed")
    parser.add_argument("--all", action="store_true", help="with --execute: run them all")
    args = parser.parse_args()
    (LABS / "solutions").mkdir(exist_ok=True)
    for source in sorted((LABS / "src").glob("*.md")):
        if args.labs and source.stem not in args.labs:
            continue
        try:
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
    """The solution with its outputs, and on what they were made."""
    import nbformat

    made = nbformat.from_dict(solution_notebook(source))
    who = f"author-{os.getpid()}"
    home = Home.from_environment()
    try:
        execute(made, env={**lab_environment(home), "SHALLOWDIVE_LEARNER": who})
        receipt = json.loads((home.root / "receipts" / f"{source.stem}-{who}.json").read_text(encoding="utf-8"))
    finally:
        forget(open_access(home), LABS_OF_THE_COURSE[source.stem], who)
    for cell in made.cells:
        cell.metadata.pop("execution", None)
    made.metadata["language_info"] = {"name": "python"}
    made.metadata["shallowdive"]["executed"] = {
        "source": source_hash(source),
        "date": datetime.now(UTC).date().isoformat(),
        **{k: receipt["cluster"][k] for k in ("backend", "kubernetes", "node_image")},
    }
    return made


def _executed_source(notebook: Path) -> str:
    try:
        return str(json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["executed"]["source"])
    except (OSError, ValueError, KeyError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
