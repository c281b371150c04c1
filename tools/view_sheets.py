"""`python tools/view_sheets.py [VIEW …]`: one sheet for each view, as a learner has it: JupyterLab and a built page of the book, light and
dark, wide and 390 px, in headless Chromium. It acts in a namespace of its own on the course's cluster.

The sheets lie in build/view-sheets. They are to be looked at; what was seen and changed is written in view_sheets.md beside this file."""

from __future__ import annotations

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from shallowdive.checks import lab_of
from shallowdive.cli import lab_environment
from shallowdive.cluster import Home, open_access
from shallowdive.lessons.place import forget
from shallowdive.notebooks.execute import execute

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import jupyterlab  # noqa: E402
from tests.book.book_tree import build  # noqa: E402

OUT = ROOT / "build" / "view-sheets"
DESK, PHONE, HEIGHT = 1100, 390, 1300
LAB = "13-ingress"
START = f"""
import yaml
from shallowdive.lessons import APPLY, lesson
session = lesson("{LAB}")
def web(image="registry.k8s.io/e2e-test-images/agnhost:2.63.0", replicas=3):
    command = ["sh", "-c", "sleep 2; exec /agnhost netexec --http-port=8080"]
    probe = {{"httpGet": {{"path": "/healthz", "port": 8080}}, "periodSeconds": 1}}
    container = {{"name": "web", "image": image, "command": command, "readinessProbe": probe,
                  "lifecycle": {{"preStop": {{"sleep": {{"seconds": 3}}}}}},
                  "resources": {{"requests": {{"cpu": "50m", "memory": "32Mi"}}}}}}
    template = {{"metadata": {{"labels": {{"app": "web"}}}}, "spec": {{"containers": [container]}}}}
    spec = {{"replicas": replicas, "selector": {{"matchLabels": {{"app": "web"}}}}, "template": template,
             "strategy": {{"rollingUpdate": {{"maxSurge": 1, "maxUnavailable": 0}}}}}}
    return {{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {{"name": "web"}}, "spec": spec}}
def pods_ready(n):
    return lambda now: len(now.ready_pods(app="web")) == n
def pod(name, containers, volumes=()):
    spec = {{"containers": containers, "volumes": list(volumes), "terminationGracePeriodSeconds": 1}}
    return {{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": name, "labels": {{"app": name}}}}, "spec": spec}}
BOX = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
"""
PREPARE = """
service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
           "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}
backend = {"service": {"name": "web", "port": {"number": 80}}}
rule = {"host": session.host("shop"), "http": {"paths": [{"path": "/hostname", "pathType": "Prefix", "backend": backend}]}}
ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop"},
           "spec": {"ingressClassName": "traefik", "rules": [rule]}}
session.apply(web(), service, ingress)
session.wait_for("three ready", pods_ready(3))
session.traffic("http://web/hostname")
session.predict("ready", 3)
session.predict("failed", 10)
session.predict("hop", "Service → pod")
"""
VIEWS = {
    "timeline": """
session.needs("ready")
first = session.state.ready_pods(app="web")[0]["metadata"]["name"]
session.core.delete_namespaced_pod(first, session.namespace)
session.show("timeline", "One deleted, three wanted", until=pods_ready(3), said="ready", after_s=5, within_s=90);""",
    "rollout": """
session.needs("failed")
new = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
session.apply(web(new))
def only_new(now):
    pods = now.selected_by("Pod", {"app": "web"})
    return {p["spec"]["containers"][0]["image"] for p in pods} == {new} and len(pods) == len(now.ready_pods(app="web")) == 3
session.show("rollout", "One comes, one goes", until=only_new, within_s=120, traffic="traffic", said="failed");""",
    "who": 'session.show("who", "One field, and what followed from it");',
    "family": 'session.show("family", "Two versions, two ReplicaSets");',
    "xray": """
share = [{"name": "shared", "mountPath": "/shared"}]
session.apply(pod("flatmates", [{"name": "app", "image": BOX, "args": ["netexec"], "volumeMounts": share},
                                {"name": "helper", "image": BOX, "args": ["pause"], "volumeMounts": share}],
                  [{"name": "shared", "emptyDir": {}}]))
session.show("xray", "Two flatmates", of="flatmates", until=lambda now: now.ready_pods(app="flatmates"));""",
    "life": """
session.apply(pod("crash", [{"name": "main", "image": BOX, "command": ["sh", "-c", "sleep 2; exit 3"]}]))
def two_restarts(now):
    pods = [p for p in now.all("Pod") if p["metadata"]["name"] == "crash"]
    return pods and any(s.get("restartCount", 0) >= 2 for s in pods[0]["status"].get("containerStatuses", ()))
session.show("life", "It exits with 3", of="crash / main", until=two_restarts, within_s=150);""",
    "machines": 'session.show("machines", "Several nodes, one computer");',
    "bins": 'session.show("bins", "What is asked for on each node");',
    "chain": """
claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "book"},
         "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}}
session.apply(claim, pod("guest", [{"name": "main", "image": BOX, "args": ["pause"], "volumeMounts": [{"name": "b", "mountPath": "/b"}]}],
                         [{"name": "b", "persistentVolumeClaim": {"claimName": "book"}}]))
session.show("chain", "From pod to disk", until=lambda now: now.ready_pods(app="guest"), within_s=120);""",
    "lifetimes": 'session.show("lifetimes", "Three places to write, three lifetimes");',
    "hops": """
session.trace("/hostname", session.host("shop"), within_s=30);""",
    "hops-broken": """
session.core.patch_namespaced_service("web", session.namespace, {"spec": {"selector": {"app": "wob"}}})
session.wait_for("no endpoints", lambda now: not any(e.get("endpoints") for e in now.all("EndpointSlice")))
session.trace("/hostname", session.host("shop"), said="hop");""",
    "explain": 'session.explain("service/web")',
}

PLAYER = "player"


def notebook() -> Any:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s.strip()) for s in (START, PREPARE, *VIEWS.values())])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def figures(page: Page, name: str, shots: dict[str, list[tuple[str, bytes]]], inside: str) -> None:
    """A picture of each view's figure, as it stands there now."""
    found = page.locator(f"{inside} figure.sd")
    if found.count() != len(VIEWS):
        raise RuntimeError(f"{name}: {found.count()} figures for {len(VIEWS)} views; {page.locator(inside).all_inner_texts()}")
    for at, view in enumerate(VIEWS):
        if view in shots:
            shots[view].append((name, picture_of_it(page, found.nth(at))))


def picture_of_it(page: Page, figure: Locator) -> bytes:
    """What stands at its place now: a picture that moves is another element a moment later."""
    figure.evaluate("figure => figure.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(300)
    for _ in range(20):
        box = figure.bounding_box()  # None in the moment between two pictures
        if box is not None:
            taken: bytes = page.screenshot(clip=box)
            return taken
        page.wait_for_timeout(100)
    raise RuntimeError("a figure that is not shown")


def in_jupyterlab(browser: Browser, env: dict[str, str], folder: Path, shots: dict[str, list[tuple[str, bytes]]]) -> None:
    nbformat.write(notebook(), folder / "views.ipynb")
    with jupyterlab.jupyterlab(folder, env) as url:
        page = browser.new_page(viewport={"width": DESK, "height": HEIGHT})
        jupyterlab.open_notebook(page, url, "views.ipynb")
        jupyterlab.command(page, "notebook:run-all-cells")
        count = len(VIEWS)
        page.wait_for_function(f"document.querySelectorAll('.jp-OutputArea figure.sd').length >= {count}", timeout=600_000)
        jupyterlab.wait_idle(page)
        for width in (DESK, PHONE):
            for theme in ("Light", "Dark"):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                jupyterlab.command(page, "apputils:change-theme", theme=f"JupyterLab {theme}")
                page.wait_for_timeout(1500)
                figures(page, f"JupyterLab, {width} px, {theme.lower()}", shots, ".jp-OutputArea-output")
                page.screenshot(path=OUT / f"jupyterlab-{width}-{theme.lower()}.png")
        page.close()


def in_the_book(browser: Browser, env: dict[str, str], folder: Path, shots: dict[str, list[tuple[str, bytes]]]) -> None:
    """The same notebook as an executed page, in a book with the course's settings."""
    made = notebook()
    execute(made, env=env)
    (folder / "book").mkdir(parents=True)
    nbformat.write(made, folder / "views.ipynb")
    (folder / "index.md").write_text("# Views\n", encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n- file: views\n", encoding="utf-8")
    shutil.copy(ROOT / "_config.yml", folder)
    for part in ("_static", "_ext"):
        shutil.copytree(ROOT / "book" / part, folder / "book" / part)
    built = build(folder, folder / "out", folder / "empty")
    page_file = built.html / "views.html"
    if not page_file.exists():
        raise RuntimeError(built.output[-3000:])
    for width in (DESK, PHONE):
        for theme in ("light", "dark"):
            page = open_page(browser, page_file, width, theme)
            figures(page, f"book, {width} px, {theme}", shots, ".cell_output")
            page.close()


def players(browser: Browser, folder: Path) -> list[tuple[str, bytes]]:
    """The player of chapter 12, closed and played, in the book as it is."""
    built = build(ROOT, folder / "book", folder / "empty")
    if built.status:
        raise RuntimeError(built.output[-3000:])
    taken = []
    for width in (DESK, PHONE):
        for theme in ("light", "dark"):
            page = open_page(browser, built.html / "book" / "12-deployment.html", width, theme)
            figure = page.locator("figure.sd-replay")
            taken.append((f"book, {width} px, {theme}, closed", picture_of_it(page, figure)))
            figure.locator("label:has(input[value='2'])").click()
            figure.get_by_role("button", name="Predict and play").click()
            figure.press("End")
            taken.append((f"book, {width} px, {theme}, played", picture_of_it(page, figure)))
            page.close()
    return taken


def open_page(browser: Browser, file: Path, width: int, theme: str) -> Page:
    page = browser.new_page(viewport={"width": width, "height": HEIGHT})
    page.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    page.goto(file.as_uri())
    return page


def sheet(browser: Browser, view: str, shots: list[tuple[str, bytes]]) -> None:
    cards = "".join(
        f'<figure><figcaption>{name}</figcaption><img src="data:image/png;base64,{base64.b64encode(png).decode()}"></figure>'
        for name, png in shots
    )
    style = (
        "body{font:14px sans-serif;background:#889;display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;margin:12px}figure{margin:0}"
    )
    page = browser.new_page(viewport={"width": 1700, "height": HEIGHT})
    page.set_content(f"<!doctype html><style>{style}</style>{cards}")
    page.screenshot(path=OUT / f"{view}.png", full_page=True)
    page.close()


def main() -> int:
    program = shutil.which("chromium")
    if not program:
        sys.stderr.write("no chromium on this machine: apt install chromium\n")
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    shots: dict[str, list[tuple[str, bytes]]] = {name: [] for name in sys.argv[1:] or (*VIEWS, PLAYER)}
    home = Home.from_environment()
    access = open_access(home)
    with tempfile.TemporaryDirectory() as tmp, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=jupyterlab.FLAGS)
        for place, take in (("lab", in_jupyterlab), ("book", in_the_book)):
            who = f"sheets-{place}-{os.getpid()}"
            folder = Path(tmp) / place
            folder.mkdir()
            try:
                take(browser, {**lab_environment(home), "SHALLOWDIVE_LEARNER": who}, folder, shots)
            finally:
                forget(access, lab_of(LAB), who)
        if PLAYER in shots:
            shots[PLAYER] = players(browser, Path(tmp))
        for view, taken in shots.items():
            sheet(browser, view, taken)
        browser.close()
    sys.stdout.write(f"{OUT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
