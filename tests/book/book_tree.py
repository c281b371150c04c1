"""Where the book is, which pages it has, and how it is built."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Built:
    status: int
    output: str
    html: Path


def toc_pages() -> list[str]:
    """Every page of _toc.yml, without its ending, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))

    def below(entry: dict[str, Any]) -> list[str]:
        return [entry["file"], *(page for section in entry.get("sections", []) for page in below(section))]

    return [toc["root"], *(page for part in toc["parts"] for chapter in part["chapters"] for page in below(chapter))]


def chapter_paths() -> list[Path]:
    return [ROOT / f"{page}.md" for page in toc_pages() if page.startswith("book/") and page.split("/")[1][0].isdigit()]


def build(source: Path, out: Path, path: Path) -> Built:
    """The strict build, with a PATH that holds nothing: no dot, no node, no browser."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from jupyter_book.cli.main import main; main()",
            "build",
            source,
            "-W",
            "--keep-going",
            "-n",
            "-q",
            "--path-output",
            out,
        ],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PATH": str(path)},
        check=False,
    )
    return Built(ended.returncode, ended.stdout + ended.stderr, out / "_build" / "html")
