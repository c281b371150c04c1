"""JupyterLab as a learner has it, for tests, sheets and benchmarks: a process of its own, and a page of Chromium on one notebook."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import urllib3
from playwright.sync_api import Locator, Page

from shallowdive.cli import jupyterlab_settings
from tests.servers import START_S, clean_environment, start, stop

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW_MS = 90_000


@contextmanager
def jupyterlab(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Its address. Our settings and nobody else's, no token, loopback only; kernels get `env`. RuntimeError when it does not start."""
    port = _free_port()
    options = [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.token=", "--ServerApp.password="]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port_retries=0", *options]
    own = {f"JUPYTER_{n}_DIR": str(folder / n.lower()) for n in ("CONFIG", "DATA", "RUNTIME")}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(jupyterlab_settings(folder / "settings"))
    process = start([*command, "--LabApp.expose_app_in_browser=True"], folder / "lab.log", {**clean_environment(), **own, **(env or {})})
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + START_S
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
        stop(process)


def write_notebook(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def open_notebook(page: Page, url: str, name: str) -> None:
    """`/doc`: the notebook alone, without file browser. Returns when its kernel is idle."""
    page.goto(f"{url}/doc/tree/{name}", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content", timeout=SLOW_MS)
    wait_idle(page)


def wait_idle(page: Page, within_ms: int = SLOW_MS) -> None:
    page.wait_for_function("document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')", timeout=within_ms)


def command(page: Page, name: str, **args: Any) -> None:
    """A command of JupyterLab, as its menus call it."""
    page.evaluate("([name, args]) => void window.jupyterapp.commands.execute(name, args)", [name, args])


def run_cell(page: Page, at: int) -> None:
    page.locator(".jp-CodeCell .cm-content").nth(at).click()
    page.keyboard.press("Control+Enter")


def output_of(page: Page, at: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(at).locator(".jp-OutputArea").first


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port
