"""The committed figures are what their sources draw, and keep the rules of the visual language."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest
from book_tree import ROOT

from shallowdive.diagrams import dot
from shallowdive.errors import ProgramFailed, ToolMissing

FIGURES = sorted((ROOT / "book" / "figures").glob("*.html"))
PURE = str(Path(sys.executable).with_name("graphviz-pure"))


def one_node(**attributes: str) -> str:
    g = graphviz.Digraph(graph_attr=dot.graph())
    g.node("it", **attributes)
    return g.source


def test_the_committed_figures_are_what_their_sources_draw(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": "", "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, ROOT / "tools" / "make_figures.py", tmp_path], check=True, timeout=60, env=env)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert drawn.keys() == {path.name for path in FIGURES}
    stale = [path.name for path in FIGURES if path.read_bytes() != drawn[path.name]]
    assert stale == [], "run: python tools/make_figures.py"


@pytest.mark.parametrize("path", FIGURES, ids=lambda p: p.stem)
def test_a_figure_is_one_block_of_html_whose_colours_follow_the_theme(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    assert "\n\n" not in html, "an empty line ends the block in Markdown"
    assert re.findall(r'="#[0-9a-f]{6}"', html) == []
    assert "var(--sd-ink,#1b2430)" in html
    assert "url(" not in html
    assert all(' aria-label="' in svg for svg in re.findall(r"<svg[^>]*>", html))


@pytest.mark.parametrize("path", [p for p in FIGURES if p.stem != "legend"], ids=lambda p: p.stem)
def test_a_figure_is_drawn_for_the_desk_and_for_the_phone_and_told_as_text(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    desk, phone = (dot.size_px(svg) for svg in re.findall(r"<svg[^>]*>", html))
    assert desk[0] <= 640
    assert phone[0] <= 340
    assert "<summary>The same as text</summary>" in html


@pytest.mark.parametrize("kind", sorted(dot.LANGUAGE["kind"]))
@pytest.mark.parametrize("state", ["", "failed"])
def test_a_box_is_wide_enough_for_the_widest_font(kind: str, state: str) -> None:
    words = "WWWWWWWWWWWWWWWW"
    svg = dot.render(one_node(**dot.thing(kind, ("key", words), state=state)), label="one", program=PURE)
    assert dot.size_px(svg)[0] >= dot.text_width_px(words, bold=True) + (dot.TILE_PX if state else 0)


@pytest.mark.parametrize("state", sorted(dot.LANGUAGE["state"]))
def test_every_state_of_a_pod_has_a_tile(state: str) -> None:
    svg = dot.render(one_node(**dot.thing("pod", ("name", "x7k2p"), state=state)), label="a pod", program=PURE)
    assert dot.LANGUAGE["tile"][state] in svg


def test_every_colour_of_the_language_has_a_name_in_the_style_sheet() -> None:
    language = {key: value for key, value in dot.LANGUAGE.items() if key not in {"css", "tile", "about", "sans_em"}}
    assert set(re.findall(r"#[0-9a-f]{6}", str(language))) <= set(dot.LANGUAGE["css"])
    css = (ROOT / "src" / "shallowdive" / "views" / "tokens.css").read_text(encoding="utf-8")
    assert [token for token in dot.LANGUAGE["css"].values() if f"--sd-{token}:" not in css] == []


def test_a_wide_picture_keeps_12_px_because_points_become_pixels() -> None:
    svg = dot.render(one_node(**dot.thing("pod", ("name", "web"))), label="a pod", program=PURE)
    assert 'font-size="12"' in svg
    assert "pt" not in re.findall(r'(?:width|height)="[\d.]+(\w*)"', svg)


def test_a_label_is_escaped() -> None:
    svg = dot.render(one_node(**dot.thing("pod", ("words", "a < b & c"))), label='say "<b>"', program=PURE)
    assert 'aria-label="say &quot;&lt;b&gt;&quot;"' in svg
    assert "a &lt; b &amp; c" in svg


def test_wrong_dot_source_is_an_error_that_names_the_line() -> None:
    with pytest.raises(ProgramFailed, match="graphviz-pure ended with status 1") as failure:
        dot.render("digraph {\n a -> ; }", label="broken", program=PURE)
    assert "line 2" in str(failure.value)


def test_without_a_system_dot_the_one_of_this_python_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dot.layout_program() == PURE


def test_without_any_layout_program_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ToolMissing, match="no program here can lay out a graph") as missing:
        dot.layout_program()
    assert "pip install graphviz-pure" in str(missing.value)
