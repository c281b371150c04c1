"""The other side of `AskingHands`: answers one submission on this machine, with the owner's hands, what its lab needs and nothing else.

The address holds a secret that only this submission's environment has. One question at a time; a question that the lab does not need, a
node or a part that is not this cluster's, keys of another namespace are refused."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from shallowdive.cluster.backend import COMPONENTS
from shallowdive.cluster.hands import OwnHands
from shallowdive.cluster.outage import CONTROL_PLANE, NODE, Part
from shallowdive.errors import BadAnswer, NotYet, ShallowDiveError

MOST_BYTES, READ_S = 4_096, 10
ALLOWED = {
    "node-stop": {"off", "on"},
    "control-plane": {"off", "on", "settled", "stored"},
    "node-exec": {"look_into", "container_processes"},
}
"""What each need of a lab opens."""


@dataclass(slots=True)
class Broker:
    """A context: answers while it is open, and switches everything on at its end. `needs` are the lab's, `namespace` the submission's."""

    hands: OwnHands
    needs: tuple[str, ...]
    namespace: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    server: HTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}/{self.secret}"

    def __enter__(self) -> Broker:
        broker = self

        class Handler(BaseHTTPRequestHandler):
            timeout = READ_S

            def do_POST(self) -> None:
                status, said = broker.answer(self.path, self._body())
                text = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _body(self) -> bytes:
                length = self.headers.get("Content-Length", "0")
                return self.rfile.read(int(length)) if length.isdigit() and int(length) <= MOST_BYTES else b""

            def log_message(self, *_: object) -> None:
                """Nothing: what a student asks for is in the results."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()
        self.hands.close()

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """HTTP status, and `answer` or `error`. Never raises for what was asked."""
        secret, _, verb = path.lstrip("/").partition("/")
        if not secrets.compare_digest(secret.encode(), self.secret.encode()):
            return 403, _error(NotYet("this address is not yours", saw="another secret", try_this="session.power"))
        try:
            asked = json.loads(body or b"{}")
            if not isinstance(asked, dict) or not all(isinstance(k, str) for k in asked):
                raise ValueError("no JSON object")
            return 200, {"answer": self._verb(verb)(**asked)}
        except ShallowDiveError as exc:
            return 200, _error(exc)
        except (TypeError, ValueError, AttributeError) as exc:
            return 400, _error(BadAnswer("this question cannot be read", saw=str(exc)[:200], try_this="session.power"))

    def _verb(self, verb: str) -> Callable[..., Any]:
        if verb not in set().union(*(ALLOWED.get(n, set()) for n in self.needs)):
            raise NotYet("this lab needs no such thing", saw=repr(verb[:40]), try_this="only what the lab's own cells do")
        verbs: dict[str, Callable[..., Any]] = {
            "off": lambda kind, name: self.hands.off(self._part(kind, name)),
            "on": lambda kind, name: self.hands.on(self._part(kind, name)),
            "settled": lambda since_s: self.hands.settled(float(since_s)),
            "stored": self._stored,
            "look_into": lambda node, line: self.hands.look_into(str(node), str(line)),
            "container_processes": lambda node: [asdict(p) for p in self.hands.container_processes(str(node))],
        }
        return verbs[verb]

    def _part(self, kind: str, name: str) -> Part:
        may = (NODE if "node-stop" in self.needs else "", CONTROL_PLANE if "control-plane" in self.needs else "")
        if kind not in may or (kind == CONTROL_PLANE and name not in COMPONENTS):
            raise BadAnswer("this cannot be switched off", saw=f"{kind} {name}"[:80], try_this="what the lab names")
        return Part(kind, str(name))

    def _stored(self, prefix: str) -> list[str]:
        if f"/{self.namespace}/" not in str(prefix):
            raise BadAnswer("only keys of your own namespace", saw=str(prefix)[:80], try_this=f"/registry/pods/{self.namespace}/")
        return self.hands.stored(str(prefix))


def _error(exc: ShallowDiveError) -> dict[str, Any]:
    return {"error": {"kind": type(exc).__name__, "what": exc.what, "saw": exc.saw, "try_this": exc.try_this}}
