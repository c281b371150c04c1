"""From an event to the page: JupyterLab in headless Chromium, a real picture in a cell, and events at 100 a second.

The event's time is that of a raw watch in another process. The page notes when the picture that holds the event stands in its DOM:
the picture's title carries the newest resource version that is drawn in it."""

from __future__ import annotations

import argparse
import bisect
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import live
import load
import nbformat
import targets
import urllib3
from kubernetes import client
from machine import measured_on
from playwright.sync_api import Page, sync_playwright

from tests.servers import clean_environment

PODS = 40
CELL = """
import sys
sys.path.insert(0, {bench!r})
import load
from pathlib import Path
from shallowdive.live import Follower
from shallowdive.views import View

class Marked(View):
    def _redraw(self):
        pods = self._follower.state.all("Pod")
        self.title = f"version {{max(int(p['metadata']['resourceVersion']) for p in pods)}}."
        super()._redraw()

follower = Follower(load.api_client(Path({kubeconfig!r})), {namespace!r}).start()
view = Marked({picture!r}, follower)
view.display_while(lambda: None)
"""
OBSERVE = """() => {
  window.seen = [];
  let last = '';
  const look = () => {
    const found = /version (\\d+)\\./.exec(document.querySelector('.jp-OutputArea')?.textContent ?? '');
    if (found && found[1] !== last) { last = found[1]; window.seen.push([+last, (performance.timeOrigin + performance.now()) / 1000]); }
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """A JupyterLab of its own: no settings of this user, no token, loopback only."""
    port = targets.free_port()
    options = [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.token=", "--ServerApp.password="]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port_retries=0", *options]
    env = {**clean_environment(), **{f"JUPYTER_{n}_DIR": str(folder / n.lower()) for n in ("CONFIG", "DATA", "RUNTIME")}}
    process = targets.start(command, folder / "lab.log", env)
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                urllib3.request("GET", f"{url}/api", retries=False, timeout=2)
                break
            except urllib3.exceptions.HTTPError:
                if time.monotonic() > end or process.poll() is not None:
                    raise RuntimeError((folder / "lab.log").read_text()[-2000:]) from None
                time.sleep(0.2)
        yield url
    finally:
        targets.stop(process)


def run_cell(page: Page, url: str) -> None:
    page.goto(f"{url}/doc/tree/one.ipynb", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content", timeout=90_000)
    page.wait_for_function("document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')", timeout=90_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function("/version \\d+\\./.test(document.querySelector('.jp-OutputArea')?.textContent ?? '')", timeout=90_000)


def measure(page: Page, kubeconfig: Path, seconds: float) -> dict[str, Any]:
    page.evaluate(OBSERVE)
    others = [live.Other("watch", kubeconfig, seconds + 2, "pods"), live.Other("write", kubeconfig, seconds, "pods")]
    for other in others:
        other.go()
    raw, written = (other.result() for other in others)
    page.wait_for_timeout(1000)
    seen = page.evaluate("window.seen")
    versions = [version for version, _ in seen]
    behind = [seen[i][1] - at for version, at in raw if (i := bisect.bisect_left(versions, version)) < len(seen)]
    per_second = [sum(int(at) == second for _, at in seen) for second in {int(at) for _, at in seen}]
    return {
        "events": len(raw), "written": written[0], "events_per_s": round(len(raw) / seconds, 1), "never_shown": len(raw) - len(behind),
        "dom_ms_p50": live.ms(behind, 0.5), "dom_ms_p95": live.ms(behind, 0.95), "dom_ms_worst": live.ms(behind, 1.0),
        "redraws_per_s_most": max(per_second), "redraws_per_s": round(len(seen) / seconds, 1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--picture", default="timeline")
    parser.add_argument("--shot", type=Path, help="a picture of the page at the end")
    parser.add_argument("--dry", action="store_true", help="print the line, and do not keep it")
    args = parser.parse_args()
    program = shutil.which("chromium")
    if not program:
        print("no chromium on this machine: apt install chromium")
        return 2
    with tempfile.TemporaryDirectory() as tmp, targets.embedded(Path(tmp) / "cluster", speed=1) as target:
        load.ensure_namespace(target.kubeconfig)
        core = load.core(target.kubeconfig)
        for i in range(PODS):
            container = client.V1Container(name="web", image="registry.k8s.io/e2e-test-images/agnhost:2.63.0", args=["pause"])
            meta = client.V1ObjectMeta(name=f"filled-{i}")
            core.create_namespaced_pod(load.NAMESPACE, client.V1Pod(metadata=meta, spec=client.V1PodSpec(containers=[container])))
        cell = CELL.format(
            bench=str(Path(__file__).parent), kubeconfig=str(target.kubeconfig), namespace=load.NAMESPACE, picture=args.picture
        )
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, Path(tmp) / "one.ipynb")
        with jupyterlab(Path(tmp)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            try:
                run_cell(page, url)
                found = measure(page, target.kubeconfig, args.seconds)
            finally:
                if args.shot:
                    page.screenshot(path=str(args.shot))
                browser.close()
    loaded = round(os.getloadavg()[0], 1)
    line = {**measured_on(), "bench": "live_dom", "load_average": loaded, "picture": args.picture, "pods": PODS, **found}
    print(json.dumps(line, indent=1))
    if not args.dry:
        with live.RESULTS.open("a") as f:
            f.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
