"""From an event to the page: JupyterLab in headless Chromium, a real picture in a cell, and events at 100 a second.

The event's time is that of a raw watch in another process. The page notes when the picture that holds the event stands in its DOM:
the picture's title carries the newest resource version that is drawn in it. Then, `--interrupts` times: a cell that waits beside a moving
picture is interrupted, and the time until the page shows its KeyboardInterrupt is kept."""

from __future__ import annotations

import argparse
import bisect
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import live
import load
import targets
from kubernetes import client
from machine import measured_on
from playwright.sync_api import Page, expect, sync_playwright

from tests import jupyterlab

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
WAITING = """
from shallowdive.live import wait_for
again = View("timeline", follower)
again.display_while(lambda: wait_for(follower, "what never comes", lambda now: False, within_s=600))
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

INTERRUPT = """() => new Promise(done => {
  const began = performance.now();
  const area = document.querySelectorAll('.jp-CodeCell')[1];
  new MutationObserver((_, seen) => {
    if (area.textContent.includes('KeyboardInterrupt')) { seen.disconnect(); done((performance.now() - began) / 1000); }
  }).observe(area, {subtree: true, childList: true, characterData: true});
  window.jupyterapp.commands.execute('notebook:interrupt-kernel');
})"""


def start_view(page: Page, url: str) -> None:
    jupyterlab.open_notebook(page, url, "one.ipynb")
    jupyterlab.run_cell(page, 0)
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


def interrupts(page: Page, times: int) -> dict[str, Any]:
    """Milliseconds from the command to the words in the page."""
    took = []
    output = jupyterlab.output_of(page, 1)
    for _ in range(times):
        jupyterlab.run_cell(page, 1)
        expect(output).not_to_contain_text("KeyboardInterrupt", timeout=30_000)
        expect(output.locator("figure.sd")).to_have_count(1, timeout=30_000)
        page.wait_for_timeout(500)
        took.append(page.evaluate(INTERRUPT))
        jupyterlab.wait_idle(page)
    return {"interrupts": times, **{f"interrupt_ms_{q}": live.ms(took, at) for q, at in (("p50", 0.5), ("worst", 1.0))}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--interrupts", type=int, default=20)
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
        jupyterlab.write_notebook(Path(tmp) / "one.ipynb", cell, WAITING)
        with jupyterlab.jupyterlab(Path(tmp)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=jupyterlab.FLAGS)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            try:
                start_view(page, url)
                found = measure(page, target.kubeconfig, args.seconds) | interrupts(page, args.interrupts)
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
