"""The results of a class in the formats that schools use. All of a student's text is escaped for the format that it goes into."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from shallowdive.grading.row import Row

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""
CSP = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; background: #fff; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d5dbe3; }
.met { color: #11663f; } .unmet { color: #a3271f; } .review { color: #7a4d00; } td.wide { overflow-wrap: anywhere; }
@media (max-width: 600px) {
  table, tbody, tr, td { display: block; width: auto; } th { display: none; } td { border: 0; padding: .1rem 0; }
  tr { border-bottom: 1px solid #8792a0; padding: .4rem 0; } td[data-is]::before { content: attr(data-is) ": "; opacity: .75; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e6edf5; background: #14181e; } td, th { border-color: #364150; } a { color: #8ab8ff; }
  .met { color: #6fd3a0; } .unmet { color: #ff9a90; } .review { color: #ffce73; }
}
"""
SAID = {"want": "wanted", "got": "got", "look_at": "look at"}
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def write(rows: list[Row], out: Path) -> list[Path]:
    """Write class.csv, class.json, class.xml (JUnit), gradescope/, class.html and a page a student; returns what was written."""
    made = {
        "class.csv": as_csv(rows), "class.json": json.dumps([asdict(r) for r in rows], indent=1, ensure_ascii=True) + "\n",
        "class.xml": as_junit(rows),
    }  # fmt: skip
    pages = {row.student: f"students/{number:03d}.html" for number, row in enumerate(rows, 1)}
    made["class.html"] = class_page(rows, pages)
    for number, row in enumerate(rows, 1):
        made[pages[row.student]] = student_page(row)
        made[f"gradescope/{number:03d}/results.json"] = json.dumps(as_gradescope(row), indent=1) + "\n"
    for name, text in made.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [out / name for name in made]


def as_csv(rows: list[Row]) -> str:
    """A line a student; a column for each criterion: 1, 0, or nothing where it was not judged."""
    names = criteria_of(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["student", "state", "points", "of", *names, "why", "notes"])
    for row in rows:
        met = {c["name"]: int(c["passed"]) for c in row.criteria}
        graded = row.state == "graded"
        marks = [met.get(n, "") if graded else "" for n in names]
        points = [row.points, row.of] if graded else ["", ""]
        writer.writerow([harmless(row.student), row.state, *points, *marks, harmless(row.why), harmless("; ".join(row.notes))])
    return out.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet calculates: an apostrophe before what looks like a formula, also after blanks."""
    text = plain(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) or text.startswith(FORMULA) else text


def plain(text: str) -> str:
    """Without control characters, which neither XML nor a terminal should get."""
    return NOT_TEXT.sub("�", text)


def as_junit(rows: list[Row]) -> str:
    """A suite a student. `needs review` is an error, which is not a failure."""
    root = ET.Element("testsuites")
    for row in rows:
        graded = row.state == "graded"
        wrong = [c for c in row.criteria if not c["passed"]] if graded else []
        suite = ET.SubElement(
            root, "testsuite", name=plain(row.student), tests=str(len(row.criteria) if graded else 1), failures=str(len(wrong)),
            errors=str(int(not graded)), time=f"{row.seconds:.1f}",
        )  # fmt: skip
        if not graded:
            case = ET.SubElement(suite, "testcase", classname=row.lab, name="needs review")
            ET.SubElement(case, "error", message=plain(row.why))
            continue
        for c in row.criteria:
            case = ET.SubElement(suite, "testcase", classname=row.lab, name=c["name"])
            if not c["passed"]:
                failure = ET.SubElement(case, "failure", message=plain(f"wanted {c['want']}; got {c['got']}"))
                failure.text = plain(c["look_at"])
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def as_gradescope(row: Row) -> dict[str, object]:
    """What Gradescope reads as results.json. Without a verdict there is no score, so that nobody sees a zero."""
    if row.state != "graded":
        return {"output": plain(f"A person has to look at this submission: {row.why}"), "tests": [], "visibility": "visible"}
    tests = [
        {
            "name": c["name"],
            "score": int(c["passed"] and not c["given"]),
            "max_score": int(not c["given"]),
            "status": "passed" if c["passed"] else "failed",
            "output": plain(f"wanted: {c['want']}\ngot: {c['got']}" + (f"\nlook at: {c['look_at']}" if c["look_at"] else "")),
        }
        for c in row.criteria
    ]
    return {"score": row.points, "tests": tests, "output": plain("\n".join(row.notes)), "execution_time": round(row.seconds)}


def criteria_of(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(c["name"] for row in rows for c in row.criteria))


def student_page(row: Row) -> str:
    lines = [f"<h1>{esc(row.student)}</h1>", f"<p>Lab {esc(row.lab)}, version {row.lab_version}, on {esc(row.cluster)}</p>"]
    if row.state != "graded":
        lines.append(f'<p class="review">Needs review: {esc(row.why)}</p>')
    else:
        lines.append(f"<p><strong>{row.points} of {row.of}</strong></p>")
    if row.criteria and row.state == "graded":
        lines.append("<table><tr><th>criterion</th><th>wanted</th><th>got</th><th>where to look</th></tr>")
        for c in row.criteria:
            mark = '<span class="met">✓</span>' if c["passed"] else '<span class="unmet">✗</span>'
            cells = "".join(f'<td class="wide" data-is="{said}">{esc(c[k])}</td>' for k, said in SAID.items())
            given = " (no points: the notebook meets it as it is handed out)" if c["given"] else ""
            lines.append(f"<tr><td>{mark} {esc(c['name'])}{given}</td>{cells}</tr>")
        lines.append("</table>")
    for title, several in (("About what was handed in", row.notes), ("Cells that ended with an error", row.cells)):
        if several:
            lines += [f"<h2>{title}</h2>", "<ul>", *(f"<li>{esc(s)}</li>" for s in several), "</ul>"]
    return page(row.student, lines)


def class_page(rows: list[Row], pages: dict[str, str]) -> str:
    graded = [r for r in rows if r.state == "graded"]
    full = sum(r.full for r in graded)
    missed = Counter(c["name"] for r in graded for c in r.criteria if not c["passed"])
    lines = [
        f"<h1>{len(rows)} submissions</h1>",
        f"<p>{full} full, {len(graded) - full} in part, {len(rows) - len(graded)} need review.</p>",
    ]
    if rows and rows[0].isolation:
        lines.append(f"<p>Submissions were kept apart by: {esc(next((r.isolation for r in graded), rows[0].isolation))}.</p>")
    if missed:
        lines.append("<h2>What was missed most</h2><table><tr><th>criterion</th><th>missed by</th></tr>")
        lines += [f"<tr><td>{esc(name)}</td><td>{n} of {len(graded)}</td></tr>" for name, n in missed.most_common()]
        lines.append("</table>")
    lines.append("<h2>Everybody</h2><table><tr><th>student</th><th>points</th><th>seconds</th><th></th></tr>")
    for row in rows:
        points = f"{row.points} of {row.of}" if row.state == "graded" else '<span class="review">needs review</span>'
        cells = (f'<a href="{pages[row.student]}">{esc(row.student)}</a>', points, f"{row.seconds:.0f}", esc(row.why))
        lines.append("<tr>" + "".join(f'<td class="wide">{c}</td>' for c in cells) + "</tr>")
    return page("The class", [*lines, "</table>"])


def esc(text: object) -> str:
    return html.escape(plain(str(text)))


def page(title: str, lines: list[str]) -> str:
    """A page on which no script runs and that asks for nothing."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
    head = f'<meta charset="utf-8">{policy}<meta name="viewport" content="width=device-width"><title>{esc(title)}</title>'
    body = "\n".join(lines)
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n'
