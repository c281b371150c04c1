"""The lab session: one namespace, the official client's API objects bound to it, and the steps of the common shape.

`lesson()` may be called again and again: in one kernel it returns the same session, after a kernel restart it finds the namespace
and goes on with the record. Nothing here prints from a thread."""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Callable
from typing import Any

from kubernetes import client

from shallowdive.checks import CheckResult, Lab, judge, lab_of, read_answers, shop
from shallowdive.checks.faults import break_hop
from shallowdive.checks.hops import lab_host, trace
from shallowdive.checks.judge import ANSWERS
from shallowdive.checks.lab14_broken_shop import deliver
from shallowdive.checks.load import Traffic, read_load, start_load
from shallowdive.cluster import Access, Home, NamespaceClient, Reply, open_access, tenant_access
from shallowdive.cluster.hands import hands_of
from shallowdive.cluster.nodes import spelled
from shallowdive.errors import BadAnswer, CheckFailed, NotYet, YourTurn
from shallowdive.lessons import tidy
from shallowdive.lessons.place import drop_namespace, find_namespace, history_file, learner, make_namespace, needs_met
from shallowdive.lessons.power import Power, all_on
from shallowdive.lessons.receipt import write_receipt
from shallowdive.lessons.seeing import beside, counted, everybodys_pods, in_words, prediction, programs
from shallowdive.lessons.why import why
from shallowdive.live import ClusterState, Follower, History
from shallowdive.objects import Object
from shallowdive.objects.processes import Process
from shallowdive.objects.route import Trace
from shallowdive.views import View, hops, picture_of, processes, show_still
from shallowdive.views import why as why_view

APPLY: dict[str, Any] = {"field_manager": "shallowdive-learner", "force": True, "_content_type": "application/apply-patch+yaml"}
"""Arguments of any `patch_…` call of the official client that make it a server-side apply: create it, or bring it to this shape."""

_open: dict[tuple[str, str], Session] = {}


def lesson(lab: str, access: Access | None = None) -> Session:
    """The session of a lab ('12-deployment'). Finds the cluster by itself: a tenant's access from the environment, else our own."""
    facts, who = lab_of(lab), learner()
    known = _open.get((facts.id, who))
    if known and known.is_alive():
        return known
    access = access or tenant_access() or open_access(Home.from_environment())
    needs_met(facts, access)
    all_on(access)
    tidy.install()
    session = Session(facts, access, who)
    _open[facts.id, who] = session
    return session


class Session:
    """`namespace`, `core`, `apps`, `networking`, `discovery` are the official client's, ready to use in a cell."""

    def __init__(self, lab: Lab, access: Access, who: str) -> None:
        self.lab, self.access, self.learner = lab, access, who
        self.results: list[CheckResult] = []
        self._views: list[View] = []
        self._further: dict[tuple[str, ...], Follower | None] = {}
        self._asked: dict[str, float] = {}
        self._once: list[tuple[str, Process]] = []
        self._hands = hands_of(access, lab.id)
        self.power = Power(access, self._hands)
        self._enter(find_namespace(access, lab, who) or make_namespace(access, lab, who))
        atexit.register(self.close)

    def _enter(self, namespace: str) -> None:
        self.client = NamespaceClient(self.access, namespace, History.load(history_file(self.access, namespace)))
        self.client.follower.start()

    def __repr__(self) -> str:
        return f"Session({self.lab.id}, namespace {self.namespace}, on {self.access.source})"

    @property
    def namespace(self) -> str:
        return self.client.namespace

    @property
    def core(self) -> client.CoreV1Api:
        return self.client.core

    @property
    def apps(self) -> client.AppsV1Api:
        return self.client.apps

    @property
    def networking(self) -> client.NetworkingV1Api:
        return self.client.networking

    @property
    def discovery(self) -> client.DiscoveryV1Api:
        return self.client.discovery

    @property
    def state(self) -> ClusterState:
        """The picture of the namespace now, kept up to date by a watch."""
        return self.client.state

    # ── acting ───────────────────────────────────────────────────────────────────────────────────────────────
    def apply(self, *bodies: Any) -> list[Object]:
        """Create objects or bring them to this shape (server-side apply); running it again changes nothing."""
        return self.client.apply(*bodies)

    def exec(self, pod: str, *command: str, container: str = "") -> str:
        """Run a program in a container and return what it printed."""
        return self.client.exec(pod, command, container=container)

    def on_node(self, node: str, line: str) -> str:
        """Run a command that only looks on a node (kind), and show the line that does the same in a terminal."""
        print(spelled(node, line))  # noqa: T201 - a notebook's cell shows it
        return self._hands.look_into(node, line)

    def get(self, path: str, host: str) -> Reply:
        """Ask from outside through the Ingress entrance, and show the curl line that does the same."""
        print(self.client.curl(path, host))  # noqa: T201 - a notebook's cell shows it
        return self.client.get(path, host)

    def host(self, name: str) -> str:
        """A host name that is this namespace's alone: every namespace of the cluster shares one entrance."""
        return lab_host(name, self.namespace)

    def link(self, host: str, path: str = "/") -> str:
        """The address for a browser: names that end in .localhost lead to this machine."""
        return f"http://{host}:{self.client.http_url.rsplit(':', 1)[-1]}{path}"

    def break_hop(self, fault: str = "", path: str = "/a") -> None:
        """Put a fault into the way of a request: a named one, or the next hidden one. While it is in, calling again changes nothing."""
        break_hop(self.client, self.lab.id, fault, path)
        print("One field of one object is different now.")  # noqa: T201

    def open_shop(self) -> None:
        """Somebody delivers a shop: three parts, one entrance, five faults, drawn for you. Where it stands already, nothing changes."""
        new = deliver(self.client)
        print("The shop was delivered. It does not work." if new else "The shop stands as you left it.")  # noqa: T201

    def evidence(self, family: str) -> tuple[str, ...]:
        """What may be answered to the question for the evidence of this family of faults."""
        if family not in shop.FAMILIES:
            raise BadAnswer("there is no such family", saw=repr(family), try_this=f"one of: {', '.join(shop.FAMILIES)}")
        return shop.words_of(family)

    def traffic(self, url: str, name: str = "traffic") -> None:
        """Start a pod that asks `url` some ten times a second and counts."""
        start_load(self.client, name, url)

    def traffic_report(self, name: str = "traffic") -> Traffic:
        return read_load(self.client, name)

    # ── seeing ───────────────────────────────────────────────────────────────────────────────────────────────
    def wait_for(self, what: str, until: Callable[[ClusterState], object], *, within_s: float = 60, usually_s: float = 5) -> ClusterState:
        """Wait for a state (a watch with a limit); the error says what was seen last and what is usual."""
        return self.client.wait_for(what, until, within_s=within_s, usually_s=usually_s)

    def show(
        self, picture: str, title: str = "", *, until: Callable[[ClusterState], object] | None = None, what: str = "", within_s: float = 60,
        said: str = "", after_s: float = 0, traffic: str = "", of: str = "",
    ) -> View:  # fmt: skip
        """A live picture in this cell. With `until` the cell waits for that state while the picture moves.

        `said`: a prediction to draw, about the moment `after_s` after its `needs` cell began. `traffic`: the pod whose requests count.
        `of`: what is shown of several, a pod or `pod / container`."""
        kinds = picture_of(picture).kinds
        began = self._asked.get(said, time.time())
        view = View(
            picture, self.client.follower, title, self.access.source, said=prediction(self.state, said, began, after_s, self.access.speed),
            traffic=counted(self.client, traffic) if traffic else None, beside=self._beside(kinds),
            also=everybodys_pods(self.client) if "Node" in kinds else None, of=of, note=in_words(self.state, said),
            tell_why=not self._evidence_missing(),
        )  # fmt: skip
        self._views = [*(v for v in self._views if not v.is_removed), view]
        view.display_while(lambda: self.wait_for(what or title, until, within_s=within_s) if until else None)
        return view

    def _beside(self, kinds: tuple[str, ...]) -> Follower | None:
        """One further watch for all pictures that need these kinds."""
        if kinds and kinds not in self._further:
            self._further[kinds] = beside(self.client, kinds)
        return self._further.get(kinds)

    def trace(self, path: str, host: str, title: str = "", *, verdict: bool = True, said: str = "", within_s: float = 0) -> Trace:
        """Ask every hop of a request and show what each answered; `said` names a prediction to draw beside it.

        Without `verdict` no hop is judged. With `within_s` it goes on asking so long as the request is not answered."""
        seen = trace(self.client, path, host, within_s=within_s)
        predicted = str(read_answers(self.state).get(f"predict.{said}", ""))
        show_still(*hops.html(seen, title, self.access.source, verdict=verdict, said=predicted))
        return seen

    def show_processes(self, title: str = "", *, said: str = "") -> None:
        """Look from the nodes at the programs of your pods, and show them inside and outside."""
        seen = programs(self.client, self._hands, self._once)
        show_still(*processes.html(seen, title, self.access.source, in_words(self.state, said)))

    def explain(self, what: Any) -> None:
        """Why something does not work: 'deployment/web', a pod's name, an object, or the error of a refused call.

        In the capstone it speaks when all evidence has been given: finding it is the work there."""
        if missing := self._evidence_missing():
            raise NotYet(
                "first give your own evidence", saw=f"none yet for {', '.join(missing)}", try_this="session.answer('evidence-…', …)"
            )
        show_still(*why_view.html(why(self.client, what), self.access.source))

    def _evidence_missing(self) -> list[str]:
        if self.lab.id != shop.LAB:
            return []
        answers = read_answers(self.state)
        return [family for family in shop.FAMILIES if f"answer.evidence-{family}" not in answers]

    # ── the learner's words ──────────────────────────────────────────────────────────────────────────────────
    def predict(self, name: str, value: object, options: tuple[object, ...] = ()) -> None:
        """Commit to a prediction before acting. It counts that you made one, never whether it was right."""
        self._write(f"predict.{name}", value, options)
        print(f"You said: {str(value).rstrip('.')}. Now find out.")  # noqa: T201

    def answer(self, name: str, value: object, options: tuple[object, ...] = ()) -> None:
        """Answer a question about what you saw; the judge compares it with the cluster."""
        self._write(f"answer.{name}", value, options)
        print(f"Noted: {str(value).rstrip('.')}.")  # noqa: T201

    def answered(self, name: str) -> Any:
        """What was answered to a question; None when nothing was yet."""
        return read_answers(self.state).get(f"answer.{name}")

    def needs(self, *names: str) -> None:
        """Open a cell only after these predictions were made."""
        missing = [n for n in names if f"predict.{n}" not in read_answers(self.state)]
        if missing:
            raise NotYet(
                "first commit to a prediction",
                saw=f"no prediction {', '.join(missing)}",
                try_this="write your guess in the cell above and run it",
            )
        self._asked.update(dict.fromkeys(names, time.time()))

    def todo(self, what: str) -> None:
        """Stands where the learner has to write; running it says so."""
        raise YourTurn(f"your turn: {what}", try_this="replace this line with your code, then run the cell again")

    def _write(self, key: str, value: object, options: tuple[object, ...]) -> None:
        if value is ...:
            raise YourTurn(
                "your turn: write your answer in place of the three dots",
                try_this=f"one of: {', '.join(map(str, options))}" if options else "",
            )
        if options and value not in options:
            raise BadAnswer("that is not one of the answers", saw=repr(value), try_this=f"one of: {', '.join(map(repr, options))}")
        import json

        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ANSWERS}, "data": {key: json.dumps(value)}}
        self.client.apply(body, manager=f"shallowdive-{key}")  # one field manager a key: the others stay
        self.client.wait_for("the answer to be stored", lambda now: read_answers(now).get(key) == value, within_s=15)

    # ── judging ──────────────────────────────────────────────────────────────────────────────────────────────
    def check(self) -> None:
        """Verify this lab on the cluster: prints one line a criterion; CheckFailed lists what is not right yet."""
        self.results = judge(self.lab, self.client)
        for result in self.results:
            if result.passed:
                print(result)  # noqa: T201
        failed = [r for r in self.results if not r.passed]
        if failed:
            raise CheckFailed(f"{len(failed)} of {len(self.results)} criteria are not met yet\n" + "\n".join(map(str, failed)))
        print(f"All {len(self.results)} criteria met.")  # noqa: T201

    def receipt(self) -> str:
        """Write the receipt (JSON) and return its path: lab, cluster, predictions, verdicts. A grader verifies it again."""
        return str(write_receipt(self))

    def reset(self) -> None:
        """Start this lab again: the namespace is deleted, a new one made."""
        old, tenant = self.client.namespace, self.access.kind == "tenant"
        self._shut()
        if tenant:
            raise NotYet("a tenant's namespace is reset by whoever gave it", saw=old, try_this="ask for a new namespace")
        drop_namespace(self.access, old)
        history_file(self.access, old).unlink(missing_ok=True)
        self._enter(make_namespace(self.access, self.lab, self.learner))

    def is_alive(self) -> bool:
        """Whether the namespace still exists (somebody may have deleted the cluster since)."""
        try:
            return find_namespace(self.access, self.lab, self.learner) == self.namespace
        except Exception:  # noqa: BLE001 - any failure means: open it anew, which gives the precise error
            self._shut()
            return False

    def close(self) -> None:
        """Stop pictures and watches, and switch on what is off; idempotent."""
        self._shut()
        self.power.close()

    def _shut(self) -> None:
        for view in self._views:
            view.close()
        for follower in self._further.values():
            if follower:
                follower.stop()
        self._views, self._further = [], {}
        with contextlib.suppress(AttributeError):
            self.client.close()
