"""axe-core: what a screen reader cannot say, and what weak eyes cannot see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python.base
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.base.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"
RUN_AXE = f"() => axe.run(document, {{preload: false, resultTypes: ['violations'], runOnly: {RULES}}})"
THEMES_OWN = {"summary-name"}
"""The sidebar's fold has no name for a screen reader. The theme's page without any of ours has it too: the last test."""


def serious(page: Page) -> dict[str, list[str]]:
    """What axe-core calls serious or critical: rule -> the places."""
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(RUN_AXE)["violations"]
    return {v["id"]: [str(n["target"]) + n["failureSummary"] for n in v["nodes"]] for v in found if v["impact"] in ("serious", "critical")}
