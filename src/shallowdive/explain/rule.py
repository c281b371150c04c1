"""A rule: whom it is about, a predicate that returns evidence or nothing, and a cause from causes.yaml with its words.

The words have places for the evidence's facts; `{kind}`, `{name}`, `{namespace}` are always there. A field that begins with `spec.` or
`metadata.` belongs to the object; for a pod it is shown where the pod's template is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from shallowdive.explain.finding import CERTAIN, NORMAL, Cause, Evidence, Finding
from shallowdive.explain.sight import Sight, clean
from shallowdive.objects import Object, name_of

Find = Callable[[Sight, Object], Iterable[Evidence]]
DESCRIBE = "kubectl describe {kind_lower} {name}{in_namespace}"
CAUSES: dict[str, Cause] = {
    name: Cause(name, **words)
    for name, words in yaml.safe_load(Path(__file__).with_name("causes.yaml").read_text(encoding="utf-8")).items()
}


@dataclass(frozen=True, slots=True)
class Rule:
    kinds: tuple[str, ...]
    cause: Cause
    find: Find

    def findings(self, sight: Sight, obj: Object) -> list[Finding]:
        return [self._told(sight, obj, e) for e in self.find(sight, obj)]

    def _told(self, sight: Sight, obj: Object, e: Evidence) -> Finding:
        target = e.obj or obj
        namespace = target["metadata"].get("namespace", "")
        facts = {
            "kind_lower": target["kind"].lower(),
            "name": name_of(target),
            "namespace": sight.namespace,
            "in_namespace": f" -n {namespace}" if namespace else "",
            "value": "",
            **e.facts,
        }
        field = self.cause.change.format_map(facts)
        if field.startswith(("spec.", "metadata.")):
            holder, template = sight.holder(target)
            field = f"{holder}: {template}{field}"
        look = (self.cause.look or DESCRIBE).format_map(facts)
        return Finding(
            cause=self.cause.name,
            group=self.cause.group,
            about=f"{obj['kind']} {name_of(obj)}",
            says=" ".join(self.cause.says.format_map(facts).split()),
            evidence=clean(e.text),
            field=field,
            value=facts["value"],
            look=look,
            log_of=(facts["name"], facts["container"]) if "kubectl logs" in look else None,
            certainty=NORMAL if self.cause.certainty == NORMAL else e.facts.get("certainty", self.cause.certainty or CERTAIN),
        )


def rules(kinds: tuple[str, ...], finds: Mapping[str, Find]) -> tuple[Rule, ...]:
    return tuple(Rule(kinds, CAUSES[cause], find) for cause, find in finds.items())
