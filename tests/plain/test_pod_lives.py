"""What a pod's record says: restarts it survived, times of silence, its end; and which sockets its kernel lists. No cluster."""

from __future__ import annotations

from typing import Any

from shallowdive.checks.pod_lives import Restart, endpoint_was_out, liveness_kills, lives
from shallowdive.checks.stand_in import TCP_LISTEN, copy_of, sockets
from shallowdive.live import History, Seen
from shallowdive.objects import Object


def look(at_s: float, *, ready: bool, restarts: int = 0, state: str = "running", leaving: bool = False, address: str = "10.0.0.1") -> Seen:
    metadata: dict[str, Any] = {"name": "flat", "uid": "u1"} | ({"deletionTimestamp": "now"} if leaving else {})
    status = {
        "phase": "Running",
        "podIP": address,
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "app", "ready": ready, "restartCount": restarts, "state": {state: {}}}],
    }
    return Seen(at_s, "MODIFIED", "Pod", {"metadata": metadata, "spec": {"containers": [{"name": "app"}]}, "status": status})


def endpoint(at_s: float, *, ready: bool) -> Seen:
    one = {"targetRef": {"uid": "u1"}, "conditions": {"ready": ready}}
    return Seen(at_s, "MODIFIED", "EndpointSlice", {"metadata": {"name": "s"}, "endpoints": [one]})


def test_a_higher_count_between_two_ready_looks_is_a_restart_and_no_silence() -> None:
    lost = [look(2, ready=False, state="terminated"), look(3, ready=False, restarts=1)]
    life = lives(History([look(1, ready=True), *lost, look(4, ready=True, restarts=1)]))[0]
    assert life.restarts() == [Restart("u1", "10.0.0.1", "10.0.0.1")]
    assert life.silences() == []


def test_not_ready_for_a_while_with_the_same_count_is_a_silence_and_no_restart() -> None:
    life = lives(History([look(1, ready=False), look(2, ready=True), look(3, ready=False), look(5, ready=True)]))[0]
    assert life.restarts() == []
    assert [(s.from_s, s.to_s) for s in life.silences()] == [(3, 5)]


def test_a_pod_that_leaves_is_not_silent_and_its_end_is_when_it_began_to_leave() -> None:
    life = lives(History([look(1, ready=True), look(2, ready=False), look(3, ready=False, leaving=True)]))[0]
    assert life.silences() == []
    assert life.left_at == 3


def test_an_endpoint_was_out_only_if_it_had_been_in() -> None:
    pods = [look(20, ready=True), look(30, ready=False), look(35, ready=True)]
    silence = lives(History(pods))[0].silences()[0]
    assert endpoint_was_out(History([endpoint(20, ready=True), endpoint(31, ready=False)]), silence)
    assert not endpoint_was_out(History([endpoint(31, ready=False)]), silence), "a Service made meanwhile has not taken it out"
    assert not endpoint_was_out(History([endpoint(1, ready=True), endpoint(2, ready=False)]), silence), "another time"


def test_only_a_kill_for_liveness_counts_as_one() -> None:
    def event(uid: str, reason: str, message: str) -> Seen:
        return Seen(1, "ADDED", "Event", {"metadata": {"name": uid}, "involvedObject": {"uid": uid}, "reason": reason, "message": message})

    events = [
        event("a", "Killing", "Container app failed liveness probe, will be restarted"),
        event("b", "Killing", "Stopping container app"),
        event("c", "Unhealthy", "Readiness probe failed: "),
    ]
    assert liveness_kills(History(events)) == {"a"}


def test_sockets_are_read_for_both_families() -> None:
    v4 = "   0: 0100007F:B152 0100007F:1F90 06 00000000:00000000 03:000015C5 00000000     0        0 0 3 0000000008dd0851"
    v6 = (
        "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000 0 0 1310349 2"
    )
    mapped = (
        "   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:B1D0 06 "
        "00000000:00000000 03:00001697 00000000 0 0 0 3"
    )
    found = sockets("\n".join(("  sl  local_address rem_address st", v4, v6, mapped, "lrwx------ 1 root 0 64 socket:[1310349]")))
    assert [(s.here, s.port, s.there) for s in found] == [
        ("127.0.0.1", 0xB152, "127.0.0.1"),
        ("::", 8080, "::"),
        ("127.0.0.1", 8080, "127.0.0.1"),
    ]
    assert [s.inode for s in found if s.state == TCP_LISTEN] == ["1310349"]


def test_the_judges_copy_replaces_one_container_and_belongs_to_no_service() -> None:
    pod: Object = {
        "metadata": {"name": "flat", "labels": {"app": "flat"}},
        "spec": {
            "nodeName": "n",
            "volumes": [{"name": "pages", "emptyDir": {}}, {"name": "kube-api-access-x", "projected": {}}],
            "containers": [
                {"name": "app", "image": "theirs", "livenessProbe": {}, "volumeMounts": [{"name": "pages", "mountPath": "/pages"}]},
                {
                    "name": "reader",
                    "image": "busybox",
                    "command": ["sh"],
                    "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/t"}],
                },
            ],
        },
    }
    made = copy_of(pod, "app", [8080, 9090], "word-1")
    app, reader = made["spec"]["containers"]
    assert "app" not in made["metadata"]["labels"]
    assert "nodeName" not in made["spec"]
    assert made["spec"]["volumes"] == [{"name": "pages", "emptyDir": {}}]
    assert app["volumeMounts"] == [{"name": "pages", "mountPath": "/pages"}]
    assert {e["name"]: e["value"] for e in app["env"]} == {"PORTS": "8080 9090", "WORD": "word-1"}
    assert "livenessProbe" not in app
    assert reader == {"name": "reader", "image": "busybox", "command": ["sh"], "volumeMounts": []}
    assert pod["spec"]["containers"][0]["image"] == "theirs", "the pod that is judged is not changed"
