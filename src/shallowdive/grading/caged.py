"""A submission as a process of this machine, in a cage (cage.py): for the embedded cluster, where no pod can run it. It isolates less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shallowdive.cluster import Access, NamespaceClient
from shallowdive.cluster.tenant import make_tenant
from shallowdive.grading import cage
from shallowdive.grading.cage import Ended, Spec
from shallowdive.grading.nbval import COMMAND, ENVIRONMENT, REPORT, read_regular

GRACE_S = 30
"""Beyond the limit, for the cage to start and to clear up."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs submissions beside this process. `access` is the owner's, from which each gets a token for one namespace."""

    access: Access
    network_isolated: bool = False

    @property
    def isolation(self) -> str:
        return cage.isolation()

    def around(self) -> list[dict[str, Any]]:
        return []

    def run(self, notebook: dict[str, Any], place: NamespaceClient, learner: str, user: int, limit_s: float) -> tuple[Ended, bytes]:
        """To its end or a limit, nothing of it alive afterwards. Also nbval's report, b'' without one. ValueError: the cage failed."""
        with tempfile.TemporaryDirectory(prefix="shallowdive-grade-", ignore_cleanup_errors=True) as outside:
            folder = Path(outside) / "work"
            folder.mkdir()
            handed = make_tenant(self.access, place.namespace, learner, folder)
            (folder / "submission.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
            (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
            spec = Spec(COMMAND, str(folder), environment(folder, handed), user=user, limit_s=limit_s)
            if user:
                Path(outside).chmod(0o711)
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, user, user)
            (Path(outside) / "spec.json").write_text(json.dumps(asdict(spec)), encoding="utf-8")
            ended = in_cage(Path(outside) / "spec.json", limit_s + GRACE_S)
            try:
                return ended, read_regular(folder / REPORT)
            except OSError:
                return ended, b""


def in_cage(spec: Path, within_s: float) -> Ended:
    """Run the cage; its standard input stays open as long as we live. ValueError when it said nothing that can be read."""
    command = [sys.executable, "-m", "shallowdive.grading.cage", str(spec)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            assert process.stdin is not None
            process.stdin.close()  # as if we were gone: the cage ends everything in it
            try:
                process.wait(GRACE_S)
            finally:
                process.kill()
            raise
        said = process.stdout.read()
        if process.returncode:
            raise ValueError(f"the cage failed: {process.stderr.read().strip().splitlines()[-1:]}")
        return Ended(**json.loads(said))


def environment(folder: Path, handed: dict[str, str]) -> dict[str, str]:
    """Nothing of the grader's: no home, no kubeconfig, no secrets; the programs of this Python, and the tenant's token."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    ours = {"PYTHONPATH": os.environ["PYTHONPATH"]} if os.environ.get("PYTHONPATH") else {}
    own = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    return {**ENVIRONMENT, **own, **ours, **handed}
