"""What kubectl prints: the same scripted sessions on both targets, compared with the transcript of a real cluster.

A kind cluster wrote `transcripts/` (`CONTRACT_TRANSCRIPTS=write pytest -m kind tests/contract/test_kubectl.py`) and must say the
same again. What no two clusters share (names' random ends, ages, addresses, dates) is made equal first."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from tests.contract.conftest import Target
from tests.contract.sessions import FILES, SESSIONS

HERE = Path(__file__).parent / "transcripts"
LIMIT_S = 120

# What is made equal, in this order: a pattern and what stands for it.
EQUAL: list[tuple[str, str]] = [
    (r"\b(LIVE|MERGED)-\d+", r"\1-N"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "DATE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}", "TIME"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"containerd://[0-9a-f]{64}", "containerd://ID"),
    (r"(\S+@)?sha256:[0-9a-f]{64}", "IMAGE-ID"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
    (r"\b10\.96\.0\.1\b", "API-ADDRESS"),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "IP"),
    (r"(?<=-)[0-9a-f]*[bcdfghjklmnpqrstvwxz2456789]{8,10}(?=[-\s\"',)/:]|$)", "HASH"),
    (r"(?<=pod-template-hash[=:])\s*\S+", "HASH"),
    (r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{5}(?=[\s\"',)/:;]|$)", "RAND"),
    (r"\b3\d{4}/TCP", "PORT/TCP"),
    (r"(cpu: +\d+)m\b", r"\1 m"),
    (r"(?:(?<=  )|(?<=^))(\d+[dhms]){1,2}(?! \(\d+%)(?=  | \(|$)", "AGE"),
    (r" \(x\d+ over \S+\)", ""),
    (r"<invalid>", "AGE"),  # a clock that runs faster than kubectl's is ahead of it
    (r"\b(kind://docker|embedded://)/", "PROVIDER/"),
    (r"(?<=CLUSTER-)worker2?\b", "worker"),
    (r"resourceVersion: \"\d+\"", 'resourceVersion: "N"'),
]
# Lines that are left out on both sides: of which commands, which lines, and why. A deliberate difference of the embedded cluster is a row.
MORE_GROUPS = "admissionregistration|apiextensions|apiregistration|certificates|flowcontrol.apiserver|node|resource|storagemigration"
LEFT_OUT: list[tuple[str, str, str]] = [
    ("rollout", "^Waiting for deployment", "how many steps of a rollout are seen is a matter of speed"),
    ("events|describe", "Readiness probe failed", "whether the first probe comes before the program listens is chance"),
    (
        "describe node",
        "^  (Machine ID|System UUID|Boot ID|Kernel Version|OS Image|Operating System|Architecture|Container Runtime)",
        "the machine's own",
    ),
    ("describe node", r"^  (cpu|memory|ephemeral-storage|hugepages-\S+|pods):? +\d", "the machine's own size"),
    (
        "describe node",
        r"^Non-terminated Pods:|^  (kube-system|local-path-storage|\S+-system) +\S",
        "the system's own pods depend on the node image",
    ),
    (
        "auth whoami",
        "^Extra: authentication.kubernetes.io/credential-id",
        "kind knows its admin by a certificate, the embedded cluster by a token",
    ),
    ("api-versions", rf"^({MORE_GROUPS})\.k8s\.io/v1$|^autoscaling/v1$", "the embedded cluster has the groups that the course needs"),
    ("explain", "^    |^  enum:|^$", "the embedded cluster knows fields and types, not their descriptions"),
]


@pytest.fixture(scope="module")
def said(target: Target, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[str]]:
    """All sessions side by side; `cluster` alone at the end, because it cordons a node."""
    folder = tmp_path_factory.mktemp("terminals")

    def play(session: str) -> str:
        (folder / session).mkdir()
        return Terminal(target, folder / session).play(SESSIONS[session])

    with ThreadPoolExecutor(len(SESSIONS)) as pool:
        found = {session: pool.submit(play, session) for session in SESSIONS if session != "cluster"}
        wait(found.values())
        found["cluster"] = pool.submit(play, "cluster")
    return found


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_reads_as_on_a_real_cluster(target: Target, said: dict[str, Future[str]], session: str) -> None:
    text, file = said[session].result(), HERE / f"{session}.txt"
    if target.name == "kind" and os.environ.get("CONTRACT_TRANSCRIPTS") == "write":
        file.write_text(text, encoding="utf-8")
    assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()


class Terminal:
    """kubectl with a namespace, a home and a folder of its own."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder, self.namespace = target, folder, target.namespace()
        self.kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
        assert self.kubectl, "kubectl is part of the course's installation"
        nodes = target.api.seen("/api/v1/nodes")["items"]
        self.cluster = next(n["metadata"]["name"] for n in nodes if n["metadata"]["name"].endswith("-control-plane")).removesuffix(
            "-control-plane"
        )
        for name, text in FILES.items():
            (folder / name).write_text(text, encoding="utf-8")

    def play(self, session: str) -> str:
        """Each line is a kubectl command; `?` before it keeps its output out of the transcript; NS and CLUSTER stand for their names."""
        said: list[str] = []
        for line in session.strip().splitlines():
            command = line.strip().removeprefix("?").strip()
            output = self.run(command)
            if not line.strip().startswith("?"):
                said += [f"$ kubectl {command}", *self.equal(command, output)]
        return "\n".join(said) + "\n"

    def run(self, command: str) -> str:
        words = [w.replace("CLUSTER", self.cluster).replace("NS", self.namespace) for w in shlex.split(command)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECACHEDIR": str(self.folder / "cache"), "NO_PROXY": "*"}
        asked = [str(self.kubectl), "--kubeconfig", str(self.target.api.kubeconfig), "--namespace", self.namespace, *words]
        done = subprocess.run(
            asked,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.stdout + (f"(exit code {done.returncode})\n" if done.returncode else "")

    def equal(self, command: str, text: str) -> list[str]:
        text = (
            text.replace(self.namespace, "NS")
            .replace(self.cluster, "CLUSTER")
            .replace(str(self.folder), "FOLDER")
            .replace(self.target.api.server, "SERVER")
        )
        left_out = [pattern for commands, pattern, _ in LEFT_OUT if re.match(commands, command)]
        lines = [line for line in text.splitlines() if not any(re.search(pattern, line) for pattern in left_out)]
        for pattern, word in EQUAL:
            lines = [re.sub(pattern, word, line) for line in lines]
        return [re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"\t+", "  ", line)).rstrip() for line in lines]
