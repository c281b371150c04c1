"""Whether somebody kept bare pods alive, told from records: which kills count as survived, early, in a row, and what is a hole."""

from __future__ import annotations

from shallowdive.checks.keeping import Group, groups
from shallowdive.live import History, Seen
from tests.plain.test_views import READY, Body, pod


class Story:
    """A record, told event by event, a second apart."""

    def __init__(self) -> None:
        self.history, self.now_s = History(), 100.0

    def see(self, event: str, name: str, **meta: object) -> None:
        self.now_s += 1
        owner = str(meta.pop("owner", ""))
        self.history.append(Seen(self.now_s, event, "Pod", pod(name, READY, owner, labels=meta.pop("labels", {"app": "mine"}), **meta)))

    def make(self, *names: str, **meta: object) -> None:
        for name in names:
            self.see("ADDED", name, **meta)

    def kill(self, *names: str) -> None:
        for name in names:
            self.see("MODIFIED", name, deletionTimestamp="x")

    def end(self, *names: str) -> None:
        for name in names:
            self.see("DELETED", name, deletionTimestamp="x")

    @property
    def kept(self) -> Group:
        return groups(self.history, 3)[0]


def three() -> Story:
    story = Story()
    story.make("a", "b", "c")
    return story


def test_a_kill_is_survived_when_another_pod_makes_it_three_again() -> None:
    story = three()
    assert story.kept.survived == 0
    story.kill("a")
    assert story.kept.survived == 0
    story.make("d")
    assert (story.kept.survived, story.kept.early, story.kept.in_a_row) == (1, 1, 1)


def test_an_answer_after_the_pod_was_gone_is_late() -> None:
    story = three()
    story.kill("a")
    story.end("a")
    story.make("d")
    assert (story.kept.survived, story.kept.early) == (1, 0)


def test_a_late_answer_to_one_kill_is_no_early_one_to_the_next() -> None:
    """A loop that counts pods on their way out makes one when the first is gone, while the second is ending."""
    story = three()
    story.kill("a", "b")
    story.end("a")
    story.make("d")
    story.end("b")
    story.make("e")
    assert (story.kept.survived, story.kept.early) == (2, 0)


def test_one_too_many_begins_the_row_anew() -> None:
    story = three()
    for old, new in (("a", "d"), ("b", "e")):
        story.kill(old)
        story.make(new)
    assert story.kept.in_a_row == 2
    story.kill("c")
    story.make("f", "g")
    assert (story.kept.survived, story.kept.in_a_row, story.kept.most) == (3, 3, 4), "the third was survived before there were four"
    story.kill("d")
    story.make("h")
    assert (story.kept.survived, story.kept.in_a_row) == (4, 3), "four again: this one does not count"


def test_kills_that_were_gone_before_anybody_acted_are_a_hole_and_not_survived() -> None:
    story = three()
    story.kill("a", "b")
    story.end("a", "b")
    assert story.kept.filled_holes == 0
    story.make("d")
    assert story.kept.filled_holes == 0
    story.make("e")
    assert (story.kept.filled_holes, story.kept.survived) == (1, 0)


def test_an_answer_before_all_are_gone_is_no_hole() -> None:
    story = three()
    story.kill("a", "b")
    story.end("a")
    story.make("d")
    story.end("b")
    story.make("e")
    assert (story.kept.filled_holes, story.kept.survived) == (0, 2)


def test_one_missing_is_no_hole() -> None:
    story = three()
    story.kill("a")
    story.end("a")
    story.make("d")
    assert (story.kept.filled_holes, story.kept.survived) == (0, 1)


def test_the_beginning_is_no_hole() -> None:
    story = Story()
    story.make("a", "b")
    story.kill("a", "b")
    story.end("a", "b")
    story.make("c", "d", "e")
    assert story.kept.filled_holes == 0


def test_what_was_cleared_away_on_purpose_waits_for_no_answer() -> None:
    """Five are cleared away and three are made; the next kill is answered early, as if nothing had been."""
    story = three()
    story.make("d", "e")
    story.kill("a", "b", "c", "d", "e")
    story.end("a", "b", "c", "d", "e")
    story.make("f", "g", "h")
    before = story.kept.early
    story.kill("f")
    story.make("i")
    assert story.kept.early == before + 1


def test_a_pod_that_somebody_owned_when_it_was_made_belongs_to_no_loop() -> None:
    story = Story()
    story.make("a", owner="rs")
    assert groups(story.history, 3) == []
    story.make("b")
    story.see("MODIFIED", "b", owner="rs")
    assert story.kept.uids == {"b"}, "adopted later: it was made bare"


def test_pods_with_other_labels_are_another_group_and_the_best_comes_first() -> None:
    story = three()
    story.make("x", "y", labels={"app": "else"})
    story.make("traffic", labels={"shallowdive/role": "traffic"})
    story.kill("a")
    story.make("d")
    found = groups(story.history, 3)
    assert [sorted(g.uids) for g in found] == [["a", "b", "c", "d"], ["x", "y"]]


def test_a_finished_pod_is_not_there_any_more() -> None:
    story = three()
    done: Body = pod("a", {"phase": "Failed"}, "", labels={"app": "mine"})
    story.history.append(Seen(story.now_s, "MODIFIED", "Pod", done))
    story.make("d")
    assert (story.kept.most, story.kept.survived) == (3, 1)
