"""What must be true of the answer to any request, right or wrong: no 500, nothing is raised, and a refused request changes nothing.

python -m tests.plain.embedded.refused --count 10000 --seed 7       searches on; prints what broke, as lines of a fixture"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import by_api
from shallowdive.embedded.request import Later, Request, Response
from tests.plain.embedded.malformed import NAMESPACE, Generator, from_line, manifests, path_of, to_line
from tests.plain.embedded.nasty import JSON

THROUGH = ("proxy", "exec", "attach", "portforward", "log")
"""What these answer is up to a program: 500 and 503 are answers of the real server here."""

REAL_500 = (
    "failed to create typed patch object",
    "unknown patch type",
    "list element types are not identical",
    "list element types are not identical",
    "does not contain declared merge key",
    "doesn't match $setElementOrder list",
    "failed to convert new object",
    "expected a []interface {}, but received a",
    "unable to find api field in struct",
    "target.name: Required value",
    "target.kind: Unsupported value",
    "failed to create RequestInfo",
    "Timeout: Too large resource version",
)
"""Words of the 500s and 504s that the real server itself answers; seen when the same requests were sent to it."""

SHAPE = 406
"""The real server too stores an object before it sees that it cannot show it in the shape asked for."""


class Errors(logging.Handler):
    """Keeps what is logged as an error: a controller that raised is caught by its loop and only logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        why = record.exc_info[1] if record.exc_info else None
        self.found.append(record.getMessage() + (f": {described(why)}" if why else ""))


def described(raised: BaseException) -> str:
    place = traceback.extract_tb(raised.__traceback__)[-1]
    return f"{type(raised).__name__}: {str(raised)[:200]} ({Path(place.filename).name}:{place.lineno} {place.name})"


@dataclass
class Subject:
    """A cluster that holds an object of every kind, and the judge of its answers."""

    seed: int = 1
    cluster: Cluster = field(init=False)
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = Cluster(Settings(seed=self.seed, speed=0, token="fuzz"))
        self.headers = {"user-agent": "fuzz/1", "accept": JSON, "content-type": JSON, "authorization": "Bearer fuzz"}
        self.stored("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self.cluster.advance(1)
        for manifest in manifests():
            kind = by_api(manifest["apiVersion"], manifest["kind"])
            assert kind is not None
            if "get" in kind.verbs:
                self.stored(path_of(kind), manifest)
        self.cluster.advance(5)

    def stored(self, path: str, body: Any) -> None:
        answer = self.cluster.handle(Request("POST", path, {"fieldValidation": ["Strict"]}, self.headers, orjson.dumps(body)))
        assert isinstance(answer, Response), answer
        assert answer.code == 201, answer.body

    def content(self) -> tuple[int, bytes]:
        store = self.cluster.store
        return store.revision, orjson.dumps([store.objects(r) for r in sorted(store.resources())])

    def complaint(self, request: Request) -> str:
        """Send a request, and let the controllers look at what was accepted: what is wrong; '' for nothing."""
        errors = Errors()
        logging.getLogger().addHandler(errors)
        try:
            found = self.sent(request)
        except Exception as raised:  # noqa: BLE001  what it raises is the finding
            found = f"raised {described(raised)}"
        finally:
            logging.getLogger().removeHandler(errors)
        return "; ".join([*([found] if found else []), *errors.found[:1]])

    def sent(self, request: Request) -> str:
        before = self.content()
        answer = self.cluster.handle(request)
        if isinstance(answer, Response):
            if answer.code >= 400:
                return self.about_refusal(request, answer, before)
        elif not isinstance(answer, Later):
            answer.wake = lambda: None
            for _ in range(3):
                answer.pull()
            answer.close()
        if request.method not in ("GET", "HEAD"):
            self.cluster.advance(1)
        return ""

    def about_refusal(self, request: Request, answer: Response, before: tuple[int, bytes]) -> str:
        text = answer.body[:300].decode(errors="replace")
        through = any(f"/{word}" in request.path for word in THROUGH)
        if answer.code >= 500 and not through and not any(words in text for words in REAL_500):
            return f"answered {answer.code}: {text}"
        if answer.code != SHAPE and self.content() != before:
            return f"refused with {answer.code} and changed the store: {text}"
        if answer.content_type == JSON and request.method != "HEAD" and not through:
            status = orjson.loads(answer.body)
            if status.get("kind") != "Status" or status.get("code") != answer.code:
                return f"answered {answer.code} without its Status: {text}"
        return ""


BATCH = 200


def search(seed: int, count: int) -> Iterator[tuple[Request, str]]:
    """Send `count` requests, with a fresh cluster now and then; give those that broke something."""
    for batch in range(0, count, BATCH):
        subject = Subject(seed)
        for request in Generator(seed * 1_000_003 + batch, subject.headers).requests(min(BATCH, count - batch)):
            line = to_line(request)
            complaint = subject.complaint(request)
            if complaint:
                yield from_line(line), complaint
                subject = Subject(seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    logging.lastResort = None
    broken = 0
    for request, complaint in search(args.seed, args.count):
        broken += 1
        sys.stdout.write(json.dumps({"complaint": complaint, "request": json.loads(to_line(request))}) + "\n")
    sys.stdout.write(f"{args.count} requests from seed {args.seed}: {broken} broke something\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
