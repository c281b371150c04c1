"""The labs there are. Title, version and needs repeat the front matter of labs/src (a test compares them)."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.errors import UnknownLab

NEEDS = ("tenant", "nodes-read", "alone", "node-stop", "node-exec", "control-plane")
"""What a lab may need: its own namespace only, or more of the cluster. `alone`: nobody else's work on it meanwhile."""


@dataclass(frozen=True, slots=True)
class Lab:
    id: str
    title: str
    version: int
    needs: tuple[str, ...]
    minutes: int

    @property
    def alone(self) -> bool:
        return "alone" in self.needs

    @property
    def destructive(self) -> bool:
        """Switches parts of its cluster off."""
        return "node-stop" in self.needs or "control-plane" in self.needs

    @property
    def kind_only(self) -> bool:
        """Needs a machine beneath the nodes, which the embedded cluster has not."""
        return "node-exec" in self.needs

    @property
    def module(self) -> str:
        """Of its checks; those of an older version end with `_v` and its number."""
        return "shallowdive.checks.lab" + self.id.replace("-", "_") + (f"_v{self.version}" if self.is_old else "")

    @property
    def is_old(self) -> bool:
        """Handed out before, and still graded by its own checks."""
        return self.version != LABS[self.id].version


LABS = {
    lab.id: lab
    for lab in (
        Lab("00-first-pod", "First pod", 1, ("tenant", "nodes-read"), 20),
        Lab("01-what-is-kubernetes", "Ask and walk away", 1, ("tenant",), 20),
        Lab("02-controller", "You are the controller", 1, ("tenant",), 30),
        Lab("03-claims", "Claims court", 1, ("tenant",), 25),
        Lab("04-containers", "Find my process", 1, ("tenant", "node-exec"), 25),
        Lab("05-architecture", "Pull one plug", 1, ("tenant", "alone", "control-plane"), 30),
        Lab("06-resource-model", "Family tree", 1, ("tenant",), 25),
        Lab("07-node", "Bin packing", 1, ("tenant", "nodes-read", "alone"), 30),
        Lab("08-cluster", "Lights out", 1, ("tenant", "nodes-read", "alone", "node-stop"), 30),
        Lab("09-volumes", "The guest book that forgets", 1, ("tenant",), 30),
        Lab("10-containers", "Exit-code zoo", 1, ("tenant",), 30),
        Lab("11-pod", "Two flatmates", 1, ("tenant",), 25),
        Lab("12-deployment", "Update under fire", 1, ("tenant",), 30),
        Lab("13-ingress", "Where did my packet die?", 1, ("tenant",), 35),
        Lab("14-broken-shop", "The broken shop", 1, ("tenant",), 40),
    )
}


def lab_of(name: str) -> Lab:
    """A lab by id or by its number ('12-deployment', '12', '1'); UnknownLab names those there are."""
    for lab in LABS.values():
        number = lab.id.split("-")[0]
        if name in (lab.id, number, number.lstrip("0") or "0"):
            return lab
    raise UnknownLab(f"there is no lab {name!r}", saw=f"labs: {', '.join(LABS)}", try_this="shallowdive lab " + next(iter(LABS)))
