"""What came of the mechanical mutants (`python -m tests.mutants.mechanical`): each one that is green is explained, and no other is."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from shallowdive.checks import LABS, Lab
from tests.mutants.mechanical import DELIVERED, RESULTS, SURVIVORS, Change, changes_of

FOUND = json.loads(RESULTS.read_text())
WHY: dict[str, dict[str, str]] = yaml.safe_load(SURVIVORS.read_text())


@pytest.mark.parametrize("lab", [lab for lab in LABS.values() if lab.id not in DELIVERED], ids=lambda lab: lab.id)
def test_every_change_that_a_judge_lets_pass_is_explained_and_no_other(lab: Lab) -> None:
    found = FOUND[lab.id]
    assert found["version"] == lab.version, "made with an earlier version of the lab: python -m tests.mutants.mechanical " + lab.id
    assert found["n"] == len(found["outcome"]) > 0
    explained = {change: [key for key in WHY[lab.id] if re.fullmatch(key, change)] for change in found["outcome"]}
    wrong = {change: keys for change, keys in explained.items() if len(keys) != (found["outcome"][change] == "green")}
    assert not wrong, "green and not explained once, or explained and not green"
    assert {key for keys in explained.values() for key in keys} == set(WHY[lab.id])
    assert all(len(reason.split()) >= 4 for reason in WHY[lab.id].values())


def test_the_rules_change_one_thing() -> None:
    body = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    changes = list(changes_of(body))
    assert [str(c) for c in changes] == [
        "Service web .spec dropped",
        "Service web .spec.ports dropped",
        "Service web .spec.ports[0].port dropped",
        "Service web .spec.ports[0].port one more",
        "Service web .spec.ports[0].port one less",
        "Service web .spec.selector dropped",
        "Service web .spec.selector.app dropped",
        "Service web .spec.selector.app another",
    ]
    assert changes[3].made_in(body)["spec"] == {"ports": [{"port": 81}], "selector": {"app": "web"}}
    assert changes[7].made_in(body)["spec"]["selector"] == {"app": "web-x"}
    assert body["spec"] == {"ports": [{"port": 80}], "selector": {"app": "web"}}, "the manifest itself is as it was"
    assert Change("Service", "api", ("spec",), "dropped").made_in(body) is body
