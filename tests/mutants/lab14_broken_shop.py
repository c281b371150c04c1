"""Lab 14: wrong and unusual work. Every case has a student of its own, and so a shop of its own: a repair is a function of the fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from shallowdive.checks import shop
from shallowdive.checks.acting import delete_pods
from shallowdive.checks.hops import lab_host
from shallowdive.checks.lab14_broken_shop import deliver, drawn_for, pods_of, silence_of
from shallowdive.cluster import NamespaceClient
from shallowdive.live import poll
from shallowdive.objects import name_of
from shallowdive.objects.pods import is_ready, restarts
from tests.mutants import Case, answer, case, forget_answers

Body = dict[str, Any]
EVIDENCE = tuple(f"evidence-{family}" for family in shop.FAMILIES)
ALL = ("predicted", "shop-delivered", *EVIDENCE, "explained", "every-path-answers", "nothing-given-up", "comes-back-whole")
WORKS = ("every-path-answers", "comes-back-whole")


def host(place: NamespaceClient) -> str:
    return lab_host("shop", place.namespace)


def words(place: NamespaceClient, *, student: str = "", **other: Any) -> None:
    drawn = shop.draw(student) if student else drawn_for(place)
    said: dict[str, Any] = {"predict_restart_repairs": 2, "predict_after_one": "four"}
    for one in drawn:
        key = one.fault.family.replace("-", "_")
        said[f"answer_evidence_{key}"] = one.answer
        said[f"answer_because_{key}"] = f"The events and the status of {one.part} said so in plain words."
    answer(place, **{k: v for k, v in (said | other).items() if v is not None})


def new_claim(place: NamespaceClient) -> None:
    """A claim's class cannot be changed: nobody may use it, it is deleted and made again."""
    place.apps.patch_namespaced_deployment_scale("ledger", place.namespace, {"spec": {"replicas": 0}})
    place.core.delete_namespaced_persistent_volume_claim(shop.CLAIM, place.namespace)
    place.wait_for("the claim to be gone", lambda now: now.get("PersistentVolumeClaim", shop.CLAIM) is None, within_s=60)
    place.apply(shop.whole(host(place))["PersistentVolumeClaim", shop.CLAIM], manager="somebody")
    place.apps.patch_namespaced_deployment_scale("ledger", place.namespace, {"spec": {"replicas": 1}})


def repair(place: NamespaceClient, *, leave: str = "", through: Callable[[shop.Bodies], None] = lambda _: None) -> None:
    """Every fault taken out, but that of the family `leave`; `through` may spoil the repaired manifests."""
    drawn = drawn_for(place)
    if leave != "storage" and any(d.fault.name == "no-class" for d in drawn):
        new_claim(place)
    bodies = shop.broken(host(place), tuple(d for d in drawn if d.fault.family == leave))
    through(bodies)
    place.apply(*bodies.values(), manager="somebody")


def answering(place: NamespaceClient) -> None:
    def whole(now: Any) -> bool:
        pods = {part: pods_of(now, part) for part in shop.PARTS}
        return all(found and all(is_ready(p) for p in found) for found in pods.values())

    place.wait_for("ready pods of all three parts", whole, within_s=120)
    poll("every path to answer", lambda: True if not any(silence_of(place, part) for part in shop.PARTS) else None, within_s=60)


def story(place: NamespaceClient, **how: Any) -> None:
    deliver(place)
    place.wait_for("the shop to be seen", lambda now: all(now.get("Deployment", p) for p in shop.PARTS), within_s=30)
    repair(place, **how)
    answering(place)
    words(place)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)


def for_others(n: int) -> Case:
    return case(f"the shop of another student, number {n}")(lambda place: story(place))


another_1, another_2, another_3, another_4, another_5 = map(for_others, range(1, 6))


@case("each Deployment deleted and made again as it should be, with more pods and another claim")
def made_again(place: NamespaceClient) -> None:
    deliver(place)
    place.wait_for("the shop to be seen", lambda now: all(now.get("Deployment", p) for p in shop.PARTS), within_s=30)
    for part in shop.PARTS:
        place.apps.delete_namespaced_deployment(part, place.namespace)
    place.wait_for("them to be gone", lambda now: not now.all("Deployment") and not now.all("Pod"), within_s=90)
    bodies = shop.whole(host(place))
    claim = copy.deepcopy(bodies.pop(("PersistentVolumeClaim", shop.CLAIM)))
    claim["metadata"]["name"] = "book"
    shop.pod_of(bodies, "ledger")["volumes"][0]["persistentVolumeClaim"]["claimName"] = "book"
    for part in ("front", "stock"):
        bodies["Deployment", part]["spec"]["replicas"] = 2
    place.apply(claim, *bodies.values(), manager="somebody")
    answering(place)
    words(place)


@case("nothing done", *ALL)
def nothing(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def not_predicted(place: NamespaceClient) -> None:
    story(place)
    forget_answers(place)
    words(place, predict_restart_repairs=None, predict_after_one=None)


@case("a healthy shop of one's own, never the one that was delivered", "shop-delivered")
def healthy(place: NamespaceClient) -> None:
    place.apply(*shop.whole(host(place)).values(), manager="somebody")
    answering(place)
    words(place)


def other_student(place: NamespaceClient) -> str:
    """A student of whose five answers none is right here."""
    mine = {d.answer for d in drawn_for(place)}
    return next(s for s in (f"somebody-{n}" for n in range(10_000)) if not mine & {d.answer for d in shop.draw(s)})


@case("the answers of another student", *EVIDENCE)
def copied(place: NamespaceClient) -> None:
    story(place)
    words(place, student=other_student(place))


def guessed(family: str) -> Case:
    """The right part, and the other words."""

    def stage(place: NamespaceClient) -> None:
        story(place)
        right = next(d for d in drawn_for(place) if d.fault.family == family)
        wrong = next(w for w in shop.words_of(family) if w.startswith(f"{right.part}:") and w != right.answer)
        words(place, **{f"answer_evidence_{family.replace('-', '_')}": wrong})

    return case(f"the right part with other evidence, family {family}", f"evidence-{family}")(stage)


guess_node, guess_storage, guess_container, guess_probe, guess_way_in = map(guessed, shop.FAMILIES)


@case("repaired and named, and not a word why", "explained")
def silent(place: NamespaceClient) -> None:
    story(place)
    words(place, **{f"answer_because_{f.replace('-', '_')}": "yes" for f in shop.FAMILIES})


@case("only restarts: every pod deleted twice", "every-path-answers", "nothing-given-up", "comes-back-whole")
def restarted(place: NamespaceClient) -> None:
    deliver(place)
    place.wait_for("pods", lambda now: len(now.all("Pod")) >= 3, within_s=60)
    for _ in range(2):
        delete_pods(place, *map(name_of, place.state.all("Pod")))
        place.wait_for("other pods", lambda now: len(now.all("Pod")) >= 3, within_s=60)
    words(place)


@case("the fault on the way in is left", *WORKS)
def one_left(place: NamespaceClient) -> None:
    deliver(place)
    place.wait_for("the shop to be seen", lambda now: all(now.get("Deployment", p) for p in shop.PARTS), within_s=30)
    repair(place, leave="way-in")
    place.wait_for("ready pods", lambda now: all(any(map(is_ready, pods_of(now, part))) for part in shop.PARTS), within_s=120)
    words(place)


@case("a pod that is started again and again", "comes-back-whole", also=("every-path-answers",))
def flapping(place: NamespaceClient) -> None:
    story(place)
    bodies = shop.whole(host(place))
    shop.container_of(bodies, "front")["livenessProbe"]["httpGet"]["port"] = shop.PORT + 1
    place.apply(bodies["Deployment", "front"], manager="somebody")
    place.wait_for("it to be started again", lambda now: any(restarts(p) for p in pods_of(now, "front")), within_s=90)


def without(*keys: str, part: str = "stock") -> Callable[[shop.Bodies], None]:
    def through(bodies: shop.Bodies) -> None:
        for key in keys:
            shop.container_of(bodies, part).pop(key)

    return through


@case("repaired by leaving out the probes", "nothing-given-up")
def no_probes(place: NamespaceClient) -> None:
    story(place, through=without("readinessProbe", "livenessProbe"))


@case("repaired by leaving out requests and limits", "nothing-given-up")
def no_resources(place: NamespaceClient) -> None:
    story(place, through=without("resources", part="front"))


@case("an emptyDir in place of the claim", "nothing-given-up")
def empty_dir(place: NamespaceClient) -> None:
    def through(bodies: shop.Bodies) -> None:
        shop.pod_of(bodies, "ledger")["volumes"] = [{"name": "data", "emptyDir": {}}]

    story(place, through=through)


@case("the ledger taken away", "every-path-answers", "nothing-given-up", "comes-back-whole")
def taken_away(place: NamespaceClient) -> None:
    story(place)
    place.apps.delete_namespaced_deployment("ledger", place.namespace)
    place.wait_for("it to be gone", lambda now: not now.selected_by("Pod", {"app": "ledger"}), within_s=60)


@case("one part answers every path", *WORKS)
def one_for_all(place: NamespaceClient) -> None:
    story(place)
    bodies = shop.whole(host(place))
    for rule in bodies["Ingress", shop.INGRESS]["spec"]["rules"][0]["http"]["paths"]:
        rule["backend"]["service"]["name"] = "front"
    place.apply(bodies["Ingress", shop.INGRESS], manager="somebody")
    poll("the front to answer for the ledger", lambda: True if silence_of(place, "ledger") else None, within_s=30)
