"""The same malformed requests to a real kube-apiserver and to the embedded cluster: how often is the answer the same?

    python bench/differential.py --count 2000            a dated line in bench/results.jsonl
    python bench/differential.py --count 500 --show 40   prints so many differences, one of each sort; writes nothing

The generator is that of the fuzz test. Both start with one object of every kind, no controller acts, and every request changes what
the next one finds: one difference may bring others. Some will stay: a stack of Go's own error texts is not worth imitating."""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import re
import socket
import ssl
import sys
import tempfile
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import targets
from machine import ROOT, measured_on

from shallowdive.cluster import Home
from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import by_api
from shallowdive.embedded.request import Request, Response

sys.path.append(str(ROOT))
from tests.plain.embedded.malformed import NAMESPACE, Generator, manifests, path_of

RESULTS = Path(__file__).with_name("results.jsonl")
TOKEN = "bench-token"
JSON = "application/json"
HEADERS = {"user-agent": "fuzz/1", "accept": JSON, "content-type": JSON, "authorization": f"Bearer {TOKEN}"}
BATCH = 200
LIMIT_S = 4.0


class Answer(NamedTuple):
    code: int
    words: str

    def same_words(self, other: Answer) -> bool:
        return _plain(self.words) == _plain(other.words)


def _plain(words: str) -> str:
    """Without what is drawn: UIDs, addresses, times, revisions."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{20,}|\d{2,}|0x[0-9a-f]+", "#", words)[:600]


def words_of(body: bytes) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return body[:600].decode(errors="replace")
    return str(value.get("message", "")) if isinstance(value, dict) else ""


class Real:
    """One connection a request: some of them end it."""

    def __init__(self, kubeconfig: Path) -> None:
        cluster = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]
        self.url = urllib.parse.urlsplit(cluster["server"])
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])

    def ask(self, request: Request) -> Answer | None:
        """None: no answer to compare, as a watch without an end or a request that no HTTP client can write."""
        path = urllib.parse.quote(request.path, safe="/%:@!$&'()*+,;=~.-_") or "/"
        query = urllib.parse.urlencode([(name, value) for name, values in request.query.items() for value in values])
        headers = request.headers | {"content-length": str(len(request.body)), "host": self.url.netloc, "connection": "close"}
        lines = [f"{request.method} {path}{'?' + query if query else ''} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        plain = socket.create_connection((self.url.hostname or "", self.url.port or 0), timeout=LIMIT_S)
        with self.tls.wrap_socket(plain, server_hostname=self.url.hostname) as tls:
            try:
                tls.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + request.body)
                response = http.client.HTTPResponse(tls, method=request.method)
                response.begin()
                if response.status == 200:
                    return Answer(200, "")
                return Answer(response.status, words_of(response.read()))
            except (OSError, http.client.HTTPException):
                return None


class Embedded:
    def __init__(self) -> None:
        self.cluster = Cluster(Settings(seed=1, speed=0, token=TOKEN))

    def ask(self, request: Request) -> Answer | None:
        answer = self.cluster.handle(request)
        if isinstance(answer, Response):
            return Answer(answer.code, words_of(answer.body) if answer.code != 200 else "")
        return Answer(getattr(answer, "code", 200), "")


def prepare(server: Real | Embedded) -> None:
    def made(path: str, value: object) -> None:
        answer = server.ask(Request("POST", path, {}, HEADERS, json.dumps(value).encode()))
        assert answer is not None
        assert answer.code in (201, 409), f"{path}: {answer}"

    made("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    made(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    for manifest in manifests():
        kind = by_api(manifest["apiVersion"], manifest["kind"])
        assert kind
        if "get" in kind.verbs:
            made(path_of(kind), manifest)


def compare(kubeconfig: Path, seed: int, count: int, show: int) -> dict[str, int]:
    real, ours = Real(kubeconfig), Embedded()
    prepare(real)
    prepare(ours)
    found: Counter[str] = Counter({"requests": 0, "same_code": 0, "same_words": 0})
    sorts: Counter[tuple[int, int, str, str]] = Counter()
    for batch in range(0, count, BATCH):
        for request in Generator(seed * 1_000_003 + batch, HEADERS).requests(min(BATCH, count - batch)):
            want = real.ask(request)
            if want is None:
                continue
            got = ours.ask(request)
            assert got
            found["requests"] += 1
            found["same_code"] += got.code == want.code
            found["same_words"] += got.code == want.code and got.same_words(want)
            sort = (want.code, got.code, _plain(want.words)[:40], _plain(got.words)[:40])
            sorts[sort] += 1
            if not got.same_words(want) and sorts[sort] == 1 and len(sorts) <= show:
                body = request.body[:200]
                print(f"{request.method} {request.path[:120]} {dict(request.query)} {request.headers.get('content-type')} {body!r}")
                print(f"    real {want.code}: {want.words[:300]}\n    here {got.code}: {got.words[:300]}")
    return dict(found)


def main() -> int:
    home = Home.from_environment()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--binaries", type=Path, default=home.root / "bench", help="folder with etcd and kube-apiserver")
    args = parser.parse_args()
    targets.end_on_terminate()
    logging.disable(logging.CRITICAL)
    binaries = targets.find_binaries(args.binaries, f"{home.cluster}-control-plane")
    with tempfile.TemporaryDirectory(prefix="differential-") as tmp, targets.api_server(Path(tmp), binaries) as target:
        found = compare(target.kubeconfig, args.seed, args.count, args.show)
    line = {**measured_on(), "bench": "differential", "real": "kube-apiserver v1.37.2", "seed": args.seed, **found}
    print(json.dumps(line))
    if not args.show:
        with RESULTS.open("a") as f:
            f.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
