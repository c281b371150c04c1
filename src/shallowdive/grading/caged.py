"""A submission as a process of this machine, in a cage (cage.py): on the embedded cluster, where no pod can run it, and for labs that
switch parts of a cluster off, their own pod perhaps among them. It isolates less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shallowdive import process
from shallowdive.checks import Lab
from shallowdive.cluster import Access, Home, NamespaceClient
from shallowdive.cluster.broker import Broker
from shallowdive.cluster.hands import OwnHands
from shallowdive.cluster.tenant import let_look, make_tenant, no_more_looks
from shallowdive.grading import cage
from shallowdive.grading.cage import Ended, Spec
from shallowdive.grading.nbval import COMMAND, ENVIRONMENT, REPORT, read_regular

GRACE_S = 30
"""Beyond the limit, for the cage to start and to clear up."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs submissions beside this process. `access` is the owner's, from which each gets a token for one namespace.

    `lab` with more needs than that: the cluster is this batch's own, and a broker does for the student's program what the lab needs."""

    access: Access
    lab: Lab
    home: Home
    network_isolated: bool = False
    users: list[int] = field(default_factory=list)
    """Of the system, drawn for submissions and free again: as many as ever ran at a time."""

    @property
    def isolation(self) -> str:
        return cage.isolation()

    def around(self) -> list[dict[str, Any]]:
        return []

    def run(self, notebook: dict[str, Any], place: NamespaceClient, learner: str, limit_s: float) -> tuple[Ended, bytes]:
        """To its end or a limit, nothing of it alive afterwards. Also nbval's report, b'' without one. ValueError: the cage failed."""
        with folder_for_a_stranger() as outside, self._user() as user, ExitStack() as stack:
            folder = Path(outside) / "work"
            folder.mkdir()
            handed = make_tenant(self.access, place.namespace, learner, folder) | stack.enter_context(self._beyond(place.namespace))
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

    @contextmanager
    def _user(self) -> Iterator[int]:
        try:
            user = self.users.pop()
        except IndexError:
            user = cage.own_user()
        try:
            yield user
        finally:
            self.users.append(user)

    @contextmanager
    def _beyond(self, namespace: str) -> Iterator[dict[str, str]]:
        """What a lab needs of its cluster, for the time of one run; afterwards everything is on, or it is WaitTimeout."""
        if self.lab.needs == ("tenant",):
            yield {}
            return
        api, hands = self.access.connect(), OwnHands(self.access, self.lab.id, self.home)
        name = let_look(api, namespace, "tenant")
        try:
            with Broker(hands, self.lab.needs, namespace) as broker:
                yield {"SHALLOWDIVE_GRANTS": " ".join(self.lab.needs), "SHALLOWDIVE_BROKER": broker.url}
            hands.settled(0)
        finally:
            no_more_looks(api, name)


@contextmanager
def folder_for_a_stranger() -> Iterator[str]:
    """A folder that is removed at the end by `rm`: Python's own rmtree fails in folders that are nested a thousand deep."""
    outside = tempfile.mkdtemp(prefix="shallowdive-grade-")
    try:
        yield outside
    finally:
        process.run(["rm", "-rf", "--", outside], limit_s=GRACE_S)


def in_cage(spec: Path, within_s: float) -> Ended:
    """Run the cage; its standard input stays open as long as we live. ValueError when it said nothing that can be read."""
    command = [sys.executable, "-m", "shallowdive.grading.cage", str(spec)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            running.wait(within_s)
        except subprocess.TimeoutExpired:
            assert running.stdin is not None
            running.stdin.close()  # as if we were gone: the cage ends everything in it
            try:
                running.wait(GRACE_S)
            finally:
                running.kill()
            raise
        said = running.stdout.read()
        if running.returncode:
            raise ValueError(f"the cage failed: {running.stderr.read().strip().splitlines()[-1:]}")
        return Ended(**json.loads(said))


def environment(folder: Path, handed: dict[str, str]) -> dict[str, str]:
    """Nothing of the grader's: no home, no kubeconfig, no secrets; the programs of this Python, and the tenant's token."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    ours = {"PYTHONPATH": os.environ["PYTHONPATH"]} if os.environ.get("PYTHONPATH") else {}
    own = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    return {**ENVIRONMENT, **own, **ours, **handed}
