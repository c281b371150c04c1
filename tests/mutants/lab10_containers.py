"""Lab 10: wrong and unusual work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes import client, utils

from shallowdive.checks.container_ends import memory_limit
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from shallowdive.objects import Object, name_of
from shallowdive.objects.pods import container_statuses
from tests.mutants import answer, case

Body = dict[str, Any]
ALL = (
    "predicted", "six-ran", "causes-named", "codes-read", "last-words", "event-quoted", "timer-read", "hog-has-room", "hog-still-hungry",
)  # fmt: skip
TOO_SMALL, ENOUGH = "64Mi", "256Mi"
CAUSES = {
    "ant": "Completed", "mole": "Error", "hog": "OOMKilled", "sloth": "Running", "unicorn": "ErrImagePull", "dodo": "StartError",
}  # fmt: skip
CODES = {"ant": 0, "mole": 1, "hog": 137, "dodo": 128}
PREDICTIONS = {
    "predict_ant": "Completed", "predict_mole": "Error", "predict_hog": "OOMKilled", "predict_sloth": "Running",
    "predict_unicorn": "ImagePullBackOff", "predict_dodo": "Error", "predict_ready_later": 3, "predict_second_wait": 10,
    "predict_again": "Running",
}  # fmt: skip
LAST_WORDS = "can't open '/shop/config'"


def appetite(mebibytes: int) -> list[str]:
    return ["stress", f"--mem-total={mebibytes}Mi", "--mem-alloc-size=8Mi", "--mem-alloc-sleep=100ms"]


def hog_container(limit: str = TOO_SMALL, mebibytes: int = 128) -> Body:
    resources = {"resources": {"limits": {"memory": limit}}} if limit else {}
    return {"name": "main", "image": AGNHOST, "args": appetite(mebibytes)} | resources


def containers() -> dict[str, Body]:
    return {
        "ant": {"image": BUSYBOX, "command": ["sh", "-c", "sleep 1; echo the work is done"]},
        "mole": {"image": BUSYBOX, "command": ["sh", "-c", "sleep 1; cat /shop/config"]},
        "hog": hog_container(),
        "sloth": {"image": BUSYBOX, "command": ["sleep", "3600"]},
        "unicorn": {"image": "registry.invalid/unicorn:1.0"},
        "dodo": {"image": BUSYBOX, "command": ["/shop/start"]},
    }


def pod(name: str, *inside: Body, **spec: Any) -> Body:
    named = [{"name": "main"} | c for c in inside]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": named} | spec,
    }


def ends(p: Object, container: str = "") -> int:
    """How many attempts are over, as the status has it."""
    found = [s for s in container_statuses(p) if s["name"] == container or not container]
    return sum(s["restartCount"] + ("terminated" in s["state"]) for s in found)


def waits_for_image(p: Object) -> bool:
    return any("Image" in (s["state"].get("waiting") or {}).get("reason", "") for s in container_statuses(p))


def runs(p: Object, container: str = "") -> bool:
    return any("running" in s["state"] for s in container_statuses(p) if s["name"] == container or not container)


def two_waits(place: NamespaceClient, name: str = "mole", container: str = "") -> None:
    """At once, after 10 s, after 20 s: with the fourth end both waits are known."""

    def done(now: Any) -> bool:
        p = now.get("Pod", name)
        return bool(p) and ends(p, container) >= 4

    place.wait_for(f"two waits of {name}", done, within_s=150)


def killed(place: NamespaceClient, name: str = "hog", times: int = 1) -> None:
    place.wait_for(f"{name} to be killed", lambda now: (p := now.get("Pod", name)) and ends(p) >= times, within_s=90)


def settled(place: NamespaceClient, name: str = "hog") -> None:
    """It runs, and has had the time to take what it wants: the judge would look on as long."""
    place.wait_for(
        f"{name} to run", lambda now: (p := now.get("Pod", name)) and any("running" in s["state"] for s in container_statuses(p))
    )


def gone(place: NamespaceClient, name: str = "hog") -> None:
    place.core.delete_namespaced_pod(name, place.namespace, grace_period_seconds=0)
    place.wait_for(f"{name} to be gone", lambda now: now.get("Pod", name) is None)


def words(place: NamespaceClient, *, causes: dict[str, Any] | None = None, codes: dict[str, Any] | None = None, **others: Any) -> None:
    """Every prediction and answer; None leaves one out."""
    causes, codes = CAUSES if causes is None else causes, CODES if codes is None else codes
    named = {f"answer_cause_{name}": word for name, word in causes.items()} | {f"answer_code_{name}": code for name, code in codes.items()}
    rest = {"answer_last_words": LAST_WORDS, "answer_event": why(place), "answer_waits": "doubles each time"}
    answer(place, **{k: v for k, v in (PREDICTIONS | named | rest | others).items() if v is not None})


def why(place: NamespaceClient) -> str:
    """What an event says about the image that is not there."""
    events = [s.object["message"] for s in place.history.of("Event")]
    return next((m for m in events if m.startswith(("Failed to pull image", "Failed to apply"))), "nothing was said about it")


def zoo(place: NamespaceClient, *, leave_out: tuple[str, ...] = (), **instead: Body) -> None:
    """Six pods, as they are meant, and what they go through until two waits are known."""
    place.apply(*(pod(name, c) for name, c in (containers() | instead).items() if name not in leave_out))
    if "mole" not in leave_out:
        two_waits(place)
    if "unicorn" not in leave_out:
        place.wait_for("no image", lambda now: waits_for_image(now.get("Pod", "unicorn")), within_s=90)
    if "hog" not in leave_out:
        killed(place)
    if "sloth" not in leave_out:
        place.wait_for("the sloth to run", lambda now: (p := now.get("Pod", "sloth")) and runs(p), within_s=90)


def repaired(place: NamespaceClient, body: Body | None = None) -> None:
    gone(place)
    place.apply(body or pod("hog", hog_container(ENOUGH)))
    settled(place)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place)


@case("other names and codes, made by utils.create_from_dict, the image's name not even readable")
def created(place: NamespaceClient) -> None:
    others = {
        "tidy": containers()["ant"],
        "lost": {"image": BUSYBOX, "command": ["sh", "-c", "echo no way home | tee /dev/termination-log; sleep 1; exit 7"]},
        "glutton": hog_container("70000k", 160),
        "idle": {"image": AGNHOST, "args": ["pause"]},
        "garbled": {"image": "Not A Name"},
        "nowhere": {"image": BUSYBOX, "command": ["no-such-program"]},
    }
    for name, c in others.items():
        utils.create_from_dict(place.api, pod(name, c), namespace=place.namespace)
    two_waits(place, "lost")
    killed(place, "glutton", 2)
    place.wait_for("no image", lambda now: waits_for_image(now.get("Pod", "garbled")), within_s=90)
    gone(place, "glutton")
    utils.create_from_dict(place.api, pod("well-fed", hog_container("0.5Gi", 160)), namespace=place.namespace)
    settled(place, "well-fed")
    causes = {
        "tidy": "Completed", "lost": "Error", "glutton": "OOMKilled", "idle": "Running", "garbled": "InvalidImageName",
        "nowhere": "StartError",
    }  # fmt: skip
    words(place, causes=causes, codes={"tidy": 0, "lost": 7, "glutton": 137, "nowhere": 128}, answer_last_words="no way home")


@case("six containers in one pod, called by their own names")
def one_pod(place: NamespaceClient) -> None:
    def all_six(limit: str) -> Body:
        return pod("zoo", *({**c, "name": name} for name, c in (containers() | {"hog": hog_container(limit)}).items()))

    place.apply(all_six(TOO_SMALL))
    two_waits(place, "zoo", "mole")
    place.wait_for("no image", lambda now: waits_for_image(now.get("Pod", "zoo")), within_s=90)
    gone(place, "zoo")
    place.apply(all_six(ENOUGH))
    place.wait_for(
        "the hog to run and the others to be back",
        lambda now: (
            (p := now.get("Pod", "zoo"))
            and ends(p, "mole")
            and any(s["name"] == "hog" and "running" in s["state"] for s in container_statuses(p))
        ),
        within_s=90,
    )
    words(place)


@case("a Deployment each, as kubectl create makes them; the hog's template patched")
def deployments(place: NamespaceClient) -> None:
    def deployment(name: str, c: Body) -> Body:
        template = {"metadata": {"labels": {"app": name}}, "spec": pod(name, {**c, "name": name})["spec"]}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}

    def of(now: Any, name: str) -> list[Object]:
        return list(now.selected_by("Pod", {"app": name}))

    for name, c in containers().items():
        place.apps.create_namespaced_deployment(place.namespace, deployment(name, c))
    place.wait_for("two waits", lambda now: any(ends(p) >= 4 for p in of(now, "mole")), within_s=150)
    place.wait_for("a kill and no image", lambda now: any(map(ends, of(now, "hog"))) and any(map(waits_for_image, of(now, "unicorn"))))
    larger = {"spec": {"template": {"spec": {"containers": [{"name": "hog", "resources": {"limits": {"memory": ENOUGH}}}]}}}}
    place.apps.patch_namespaced_deployment("hog", place.namespace, larger)

    def one_left(now: Any) -> bool:
        pods = of(now, "hog")
        return len(pods) == 1 == len(now.ready_pods(app="hog")) and memory_limit(pods[0]["spec"]["containers"][0]) == ENOUGH

    place.wait_for("the new hog alone", one_left, within_s=90)
    mole = name_of(of(place.state, "mole")[0])
    causes = {k: v for k, v in CAUSES.items() if k != "mole"} | {mole: "Error"}
    words(place, causes=causes)


@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("every answer, and no pod", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    words(place)


@case("what another lab left behind", *ALL[1:])
def leftovers(place: NamespaceClient) -> None:
    place.apply(pod("flat", {"image": AGNHOST, "args": ["netexec", "--http-port=8080"]}))
    settled(place, "flat")
    words(place)


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, **dict.fromkeys(PREDICTIONS))


def without(name: str) -> Callable[[NamespaceClient], None]:
    def stage(place: NamespaceClient) -> None:
        zoo(place, leave_out=(name,))
        repaired(place)
        words(place, causes={k: v for k, v in CAUSES.items() if k != name}, codes={k: v for k, v in CODES.items() if k != name})

    return stage


no_sloth = case("five of the six, and no word about the sixth", "six-ran", "causes-named")(without("sloth"))
no_dodo = case("no program that is not there", "six-ran", "causes-named", "codes-read")(without("dodo"))
no_unicorn = case("no image that is not there", "six-ran", "causes-named", "event-quoted")(without("unicorn"))


@case("the word CrashLoopBackOff taken for the cause", "causes-named")
def word_for_cause(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, causes=CAUSES | dict.fromkeys(("ant", "mole", "hog", "dodo"), "CrashLoopBackOff"))


@case("two causes swapped", "causes-named")
def swapped(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, causes=CAUSES | {"mole": "OOMKilled", "hog": "Error"})


@case("the code of the mole given for the hog", "codes-read")
def wrong_code(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, codes=CODES | {"hog": 1})


@case("last words that nobody printed", "last-words")
def invented_words(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, answer_last_words="something went wrong")


@case("the words of the ant given for those of the mole", "last-words")
def others_words(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, answer_last_words="the work is done")


@case("an event that names the trouble and not the cause", "event-quoted")
def trouble_only(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, answer_event="Error: ErrImagePull")


@case("the image's name quoted, not what was wrong with it", "event-quoted")
def name_only(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, answer_event='Failed to pull image "registry.invalid/unicorn:1.0"')


@case("waits said to be the same each time", "timer-read")
def same_waits(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place)
    words(place, answer_waits="is the same each time")


@case("restartPolicy Never: nothing ever waited", "timer-read")
def never_restarted(place: NamespaceClient) -> None:
    place.apply(*(pod(name, c, restartPolicy="Never") for name, c in containers().items()))
    place.wait_for("four ends", lambda now: all((p := now.get("Pod", name)) and ends(p) for name in CODES), within_s=90)
    place.wait_for("no image", lambda now: waits_for_image(now.get("Pod", "unicorn")), within_s=90)
    repaired(place)
    words(place)


@case("looked at too early: no second wait yet", "timer-read")
def too_early(place: NamespaceClient) -> None:
    """What comes round again is deleted after its second end, so that nothing waits twice however slow this machine is."""
    place.apply(*(pod(name, c | {"terminationMessagePolicy": "FallbackToLogsOnError"}) for name, c in containers().items()))
    place.wait_for("two ends", lambda now: all((p := now.get("Pod", name)) and ends(p) >= 2 for name in CODES), within_s=90)
    for name in ("ant", "mole", "dodo"):
        gone(place, name)
    repaired(place)
    place.wait_for("no image", lambda now: waits_for_image(now.get("Pod", "unicorn")), within_s=90)
    words(place)


@case("the hog removed instead of limited", "hog-has-room", "hog-still-hungry")
def removed(place: NamespaceClient) -> None:
    zoo(place)
    gone(place)
    words(place)


@case("a sleeper under the hog's name, with the larger limit", "hog-still-hungry")
def sleeper(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place, pod("hog", {"image": BUSYBOX, "command": ["sleep", "3600"], "resources": {"limits": {"memory": ENOUGH}}}))
    words(place)


@case("the hog put on a diet, the limit as it was", "hog-has-room", "hog-still-hungry")
def diet(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place, pod("hog", hog_container(TOO_SMALL, 8)))
    words(place)


@case("no limit at all", "hog-has-room")
def no_limit(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place, pod("hog", hog_container("")))
    words(place)


@case("the hog left as it is", "hog-has-room")
def unrepaired(place: NamespaceClient) -> None:
    zoo(place)
    words(place)


@case("the hog deleted and made again as it was", "hog-has-room")
def made_again(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place, pod("hog", hog_container()))
    killed(place)
    words(place)


@case("a larger limit that is still too small", "hog-has-room")
def still_too_small(place: NamespaceClient) -> None:
    zoo(place)
    repaired(place, pod("hog", hog_container("96Mi")))
    killed(place)
    words(place)


@case("a well-fed hog beside the one that goes on being killed", "hog-has-room")
def beside(place: NamespaceClient) -> None:
    zoo(place)
    place.apply(pod("hog-2", hog_container(ENOUGH)))
    settled(place, "hog-2")
    words(place)


@case("the zoo in a namespace where it was not asked for", *ALL[1:])
def elsewhere(place: NamespaceClient) -> None:
    other = f"{place.namespace}-x"
    core = client.CoreV1Api(place.api)
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=other)))
    try:
        for name, c in containers().items():
            core.create_namespaced_pod(other, pod(name, c))
        words(place)
    finally:
        core.delete_namespace(other)
