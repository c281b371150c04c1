"""What an explanation is made of. Values only: nothing here looks at a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shallowdive.objects import Object

FIXED = {"Pod": ": spec", "PersistentVolumeClaim": ": spec", "Job": r": spec\.template", "StatefulSet": "volumeClaimTemplates"}
"""Fields that cannot be changed once the object is made, by kind."""
CHANGEABLE = re.compile(r"\.image\b|\.tolerations|\.schedulingGates|\.activeDeadlineSeconds")
CERTAIN, LIKELY, NORMAL = "certain", "likely", "normal"


@dataclass(frozen=True, slots=True)
class Cause:
    """A class of causes and its words: one entry of causes.yaml, which says what each part means."""

    name: str
    group: str
    says: str
    change: str = ""
    look: str = ""
    certainty: str = CERTAIN
    after: bool = False
    consequence: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule's predicate found: the text it rests on, and the words that the rule's sentences have places for."""

    text: str
    facts: dict[str, str] = field(default_factory=dict)
    obj: Object | None = None
    """The object that the field belongs to, when it is not the one that was asked about."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause. `cause` is its class, `about` whose it is, `field` the path to change (with `value`, what is there now)."""

    cause: str
    group: str
    about: str
    says: str
    evidence: str
    field: str
    value: str
    look: str
    certainty: str = CERTAIN
    log_of: tuple[str, str] | None = None
    """Pod and container whose previous log says more."""

    @property
    def anew(self) -> str:
        """The kind of object that has to be made anew, because the field of one that exists cannot be changed; '' for most."""
        kind = self.field.partition(" ")[0]
        fixed = kind in FIXED and bool(re.search(FIXED[kind], self.field))
        return kind if fixed and not CHANGEABLE.search(self.field) else ""

    @property
    def normal(self) -> bool:
        """Nothing is wrong: this is what it waits for."""
        return self.certainty == NORMAL

    @property
    def change(self) -> str:
        """The field, what is there now, and whether the object has to be made anew for it."""
        now = f" (now: {self.value})" if self.value else ""
        return f"{self.field}{now}" + (f"; needs a new {self.anew}" if self.anew else "")

    def lines(self) -> list[str]:
        head = {CERTAIN: "✗", LIKELY: "?", NORMAL: "…"}[self.certainty]
        rest = (("seen", self.evidence), ("" if self.normal else "change", self.change), ("look at", self.look))
        likely = " Likely, not certain." if self.certainty == LIKELY else ""
        return [f"{head} {self.about}: {self.says}{likely}", *(f"    {k + ':':9}{v}" for k, v in rest if k and v)]

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class Explanation:
    """`verdict` is broken | normal | healthy | unknown | absent | unseen | half seen | no rules.

    Findings are in the order in which they stand in the way."""

    subject: str
    verdict: str
    findings: tuple[Finding, ...] = ()
    seen: str = ""
    """With `unknown`: the last complaint that the record has."""
    look: str = ""

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(f.cause for f in self.findings)

    @property
    def head(self) -> str:
        faults = len(self.findings)
        return {
            "broken": f"{self.subject}: {faults} cause{'s' if faults != 1 else ''} found"
            + (", the one that stands in the way first." if faults > 1 else "."),
            "normal": f"{self.subject}: nothing is wrong, it waits.",
            "healthy": f"{self.subject}: nothing is wrong.",
            "unknown": f"{self.subject}: it does not work, and the record does not say why."
            + (f" Last complaint: {self.seen}" if self.seen else ""),
            "absent": f"{self.subject}: there is no such object.",
            "unseen": f"{self.subject}: nobody looked at objects of this kind.",
            "half seen": f"{self.subject}: nothing wrong was seen, and nobody looked at: {self.seen}.",
            "no rules": f"{self.subject}: there are no rules for this kind.",
        }[self.verdict]

    def lines(self) -> list[str]:
        lines = [self.head, *(line for f in self.findings for line in f.lines())]
        return lines + ([f"    look at: {self.look}"] if self.look and not self.findings else [])

    def __str__(self) -> str:
        return "\n".join(self.lines())
