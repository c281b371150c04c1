"""The receipt of a lab: what was predicted, answered and verified, on which cluster. A claim, not a proof: a grader judges again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shallowdive import __version__
from shallowdive.checks import read_answers
from shallowdive.cluster import Home
from shallowdive.cluster.health import server_version

if TYPE_CHECKING:
    from shallowdive.lessons.session import Session


def write_receipt(session: Session) -> Path:
    """Write $SHALLOWDIVE_HOME/receipts/LAB-LEARNER.json and return its path."""
    answers = read_answers(session.state)
    receipt = {
        "schema": "shallowdive/receipt/v1",
        "lab": session.lab.id,
        "lab_version": session.lab.version,
        "learner": session.learner,
        "cluster": {
            "backend": session.access.backend,
            "speed": session.access.speed,
            "name": session.access.cluster,
            "kubernetes": server_version(session.access),
            "node_image": session.access.image,
        },
        "namespace": session.namespace,
        "predictions": {k.removeprefix("predict."): v for k, v in sorted(answers.items()) if k.startswith("predict.")},
        "answers": {k.removeprefix("answer."): v for k, v in sorted(answers.items()) if k.startswith("answer.")},
        "checks": [{"name": r.name, "passed": r.passed, "want": r.want, "got": r.got} for r in session.results],
        "passed": bool(session.results) and all(r.passed for r in session.results),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "shallowdive": __version__,
    }
    path = Home.from_environment().folder("receipts") / f"{session.lab.id}-{session.learner}.json"
    path.write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
