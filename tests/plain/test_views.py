"""Pictures: nothing overlaps, nothing is clipped, from no pod to more than anybody has; the words say what the picture shows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shallowdive.diagrams.dot import render, size_px
from shallowdive.diagrams.family import MOST_CARDS, family_dot, in_words
from shallowdive.live import ClusterState, History, Seen, apply_event
from shallowdive.views import timeline
from shallowdive.views.frame import DESK_PX, PHONE_PX, framed
from shallowdive.views.timeline import draw, lives, picture

Body = dict[str, Any]
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def pod(name: str, status: Body, owner: str = "rs", **meta: Any) -> Body:
    owners = [{"uid": owner, "kind": "ReplicaSet", "controller": True}] if owner else []
    return {
        "metadata": {"name": name, "namespace": "d", "uid": name, "resourceVersion": "1", "ownerReferences": owners, **meta},
        "spec": {},
        "status": status,
    }


def owner(kind: str, name: str, uid: str, replicas: int, of: str = "") -> tuple[str, Body]:
    owners = [{"uid": of, "controller": True}] if of else []
    meta = {"name": name, "namespace": "d", "uid": uid, "resourceVersion": "1", "ownerReferences": owners}
    return kind, {"metadata": meta, "spec": {"replicas": replicas}, "status": {"readyReplicas": replicas}}


def story(pods: int, seed: int = 1) -> History:
    """A Deployment that wants `pods`, each of which starts and becomes ready; a quarter is deleted and replaced; the wish changes twice."""
    rng, history = random.Random(seed), History()
    kind, body = owner("Deployment", "web", "d", pods)
    history.append(Seen(0.0, "ADDED", kind, body))
    events: list[tuple[float, str, Body]] = []
    for i in range(pods + pods // 4):
        name, t = f"web-7d9f8c6b5-{rng.randrange(36**5):05x}"[:20].ljust(20, "x"), rng.uniform(0, 20)
        events += [(t, "ADDED", pod(name, {"phase": "Pending"})), (t + rng.uniform(1, 3), "MODIFIED", pod(name, {"phase": "Running"}))]
        events.append((t + rng.uniform(3, 6), "MODIFIED", pod(name, READY)))
        if i % 4 == 0:
            events += [(t + 9, "MODIFIED", pod(name, READY, deletionTimestamp="x")), (t + 11, "DELETED", pod(name, READY))]
    for t, type_, body in sorted(events, key=lambda e: e[0]):
        history.append(Seen(t, type_, "Pod", body))
    history.append(Seen(26.0, "MODIFIED", *owner("Deployment", "web", "d", max(1, pods // 2))))
    return history


@pytest.mark.parametrize("width", [DESK_PX, PHONE_PX])
@pytest.mark.parametrize("pods", [1, 2, 3, 12, 14, 15, 60, 120, 300])
def test_no_word_of_the_timeline_overlaps_or_leaves_it(pods: int, width: int) -> None:
    seen = lives(story(pods), 60.0)
    made = picture(seen, width, timeline.in_words(seen))
    assert made.problems() == []
    assert "aria-label" in made.svg()


@pytest.mark.parametrize("span_s", [1, 13, 59, 179, 181, 700, 5000, 90000])
def test_the_time_axis_fits_whatever_the_span(span_s: float) -> None:
    for width in (DESK_PX, PHONE_PX):
        assert picture(lives(story(3), span_s), width, "x").problems() == []


def test_where_nothing_is_wanted_nobody_asks_about_the_line() -> None:
    history = History([Seen(1.0, "ADDED", "Pod", pod("web-0", READY, owner=""))])
    assert "line" not in draw(history).ask
    assert draw(history).ask
    assert draw(story(3), 60.0).ask == "", "the picture's own question"


def test_a_lane_is_a_uid_and_never_another_pods() -> None:
    history = History()
    for uid, name in (("a", "web-0"), ("b", "web-0")):
        history.append(Seen(1.0, "ADDED", "Pod", pod(name, READY) | {"metadata": {**pod(name, READY)["metadata"], "uid": uid}}))
        history.append(Seen(2.0, "DELETED", "Pod", pod(name, READY) | {"metadata": {**pod(name, READY)["metadata"], "uid": uid}}))
    assert len(lives(history).pods) == 2


def test_nothing_yet_is_said_in_words_with_what_fills_it() -> None:
    drawn = draw(History())
    assert drawn.empty
    html = framed("Pods", "live on kind", drawn)
    assert "Nothing here yet." in html
    assert "Run the cell that makes pods" in html


def test_the_text_twin_names_every_pod_and_what_became_of_it() -> None:
    drawn = draw(story(4), 60.0)
    assert drawn.facts.startswith("2 wanted, ")
    assert "5 pods lived so far, 2 of them are gone" in drawn.facts
    assert "<details><summary>The same as text</summary>" in framed("t", "s", drawn)


def test_a_name_from_the_cluster_cannot_write_html() -> None:
    history = History()
    history.append(Seen(1.0, "ADDED", "Pod", pod("<script>alert(1)</script>", READY)))
    html = framed("<b>", "<i>", draw(history, 5.0))
    assert "<script" not in html
    assert "<b>" not in html.replace("<b></b>", "").replace("<b>Look:</b>", "")


def tree(replica_sets: int, pods: int, orphans: int = 0) -> ClusterState:
    state = apply_event(ClusterState(), "ADDED", *owner("Deployment", "web", "d", pods))
    for i in range(replica_sets):
        wants = pods if i == replica_sets - 1 else 0
        state = apply_event(state, "ADDED", *owner("ReplicaSet", f"web-{i:010x}", f"rs{i}", wants, "d"))
    for i in range(pods):
        state = apply_event(
            state, "ADDED", "Pod", pod(f"web-7d9f8c6b5-{i:05x}", READY if i else {"phase": "Running"}, f"rs{replica_sets - 1}")
        )
    for i in range(orphans):
        state = apply_event(state, "ADDED", "Pod", pod(f"lost-{i}", READY, ""))
    return state


@pytest.mark.parametrize("replica_sets, pods, orphans", [(1, 3, 0), (2, 3, 1), (3, 3, 0), (4, 8, 0), (1, 60, 2)])
def test_a_family_tree_is_drawn_and_fits_a_phone_without_scrolling(replica_sets: int, pods: int, orphans: int) -> None:
    state = tree(replica_sets, pods, orphans)
    desk, phone = (render(family_dot(state, narrow=narrow), label=in_words(state)) for narrow in (False, True))
    assert "ReplicaSet" in desk
    assert size_px(phone)[0] <= PHONE_PX + (90 if orphans else 0)
    assert f"owns {pods}" in in_words(state)


def labelled(state: ClusterState, **of: str) -> ClusterState:
    """Every Deployment selects app=web, and every pod carries it, but those named here."""
    now = ClusterState()
    for kind in ("Deployment", "ReplicaSet", "Pod"):
        for obj in state.all(kind):
            name = obj["metadata"]["name"]
            body = {**obj, "metadata": {**obj["metadata"], "labels": {"app": of.get(name.replace("-", "_"), "web")}}}
            if kind == "Deployment":
                body["spec"] = {**obj["spec"], "selector": {"matchLabels": {"app": "web"}}}
            now = apply_event(now, "ADDED", kind, body)
    return now


def test_a_lasso_goes_round_what_carries_the_label_and_leaves_out_what_does_not() -> None:
    state = labelled(tree(1, 3, 1), lost_0="debug")
    lasso = next(line for line in family_dot(state).splitlines() if line.startswith("subgraph"))
    assert lasso.count("web-7d9f8c6b5-") == 3
    assert "lost-0" not in lasso
    assert "selected: app=web" in render(family_dot(state), label="x")
    assert "Deployment web selects app=web: 3 pods carry it" in in_words(state)


@pytest.mark.parametrize("pods", [3, 9])
def test_a_card_of_several_pods_is_inside_only_when_all_of_them_are_selected(pods: int) -> None:
    odd = labelled(tree(1, pods), web_7d9f8c6b5_00001="debug")
    assert ("subgraph" in family_dot(odd)) == (pods <= MOST_CARDS)
    assert size_px(render(family_dot(labelled(tree(1, pods)), narrow=True), label="x"))[0] <= PHONE_PX


def test_the_words_of_the_tree_name_an_orphan() -> None:
    assert "pod lost-0 has no owner and is ready" in in_words(tree(1, 3, 1))
