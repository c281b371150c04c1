"""What a grader will take from a notebook, told to the student before it is handed in. Nothing runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shallowdive.checks import LABS
from shallowdive.errors import BadAnswer
from shallowdive.grading.grade import notebook_of
from shallowdive.grading.merge import is_answer, merge
from shallowdive.grading.run import learner_in, version_in
from shallowdive.grading.submissions import lab_in, parse


@dataclass(frozen=True, slots=True)
class Told:
    """`complete`: a notebook of a lab, with something in each cell that asks for an answer."""

    lines: list[str]
    complete: bool


def told_of(file: Path, course: Path) -> Told:
    """BadAnswer when the file is no notebook of a lab."""
    try:
        notebook = parse(file.read_bytes())
    except OSError as exc:
        raise BadAnswer("this file cannot be read", saw=f"{file}: {exc.strerror}", try_this="shallowdive submission my-labs/…") from exc
    except ValueError as exc:
        raise BadAnswer(
            "this is no notebook that can be graded", saw=f"{file.name}: {exc}", try_this="save it again in JupyterLab"
        ) from exc
    lab = LABS.get(lab_in(notebook))
    if lab is None:
        raise BadAnswer("this notebook is of no lab", saw=f"it says {lab_in(notebook) or 'nothing'!r}", try_this="hand in one of my-labs/")
    ours = notebook_of(course / "labs", lab)
    made = merge(ours, notebook)
    as_given = {c["id"]: "".join(c["source"]).strip() for c in ours["cells"]}
    now = {c["id"]: "".join(c["source"]).strip() for c in made.notebook["cells"]}
    lines, complete = [f"lab {lab.id}, version {version_in(notebook) or lab.version}, of {learner_in(notebook)}"], True
    for cell in filter(is_answer, ours["cells"]):
        done = cell["id"] in made.taken and now[cell["id"]] != as_given[cell["id"]]
        complete &= done
        lines.append(f"{'✓' if done else '✗'} {cell['id']}: {'an answer' if done else 'as it was handed out, or missing'}")
    return Told([*lines, *made.notes], complete)
