"""Bodies in YAML: parsed by libyaml, which Go's parser is a translation of, so their complaints agree; by Python where it is missing."""

from __future__ import annotations

import json
from typing import Any

import yaml

from shallowdive.embedded.api.body import unrecognized
from shallowdive.embedded.kinds import Kind

LibYaml: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def value_of(body: bytes, kind: Kind, duplicates: list[str]) -> Any:
    """Parsed YAML; the same for its duplicates, which have a line instead of a path."""
    try:
        loader = Loader(body)
        value = loader.get_single_data()
    except ERRORS as error:
        raise unrecognized(kind, words_of(error), body) from None
    duplicates += loader.twice
    return value


ERRORS = (yaml.YAMLError, ValueError, TypeError, RecursionError)
"""What a text that is no YAML, or no JSON in YAML, can raise."""


def words_of(error: Exception) -> str:
    """Why this is no YAML, about as Go's parser says it."""
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or str(error)
    return f"yaml: line {max(mark.line, 1)}: {words}" if mark else f"yaml: {words}"


class Loader(LibYaml):  # type: ignore[misc]
    """YAML as the API reads it: no dates, and a name that appears twice is remembered."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.twice: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "invalid map key", key.start_mark)
            if key.value in seen:
                self.twice.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
            seen.add(str(key.value))
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return {name if isinstance(name, str) else json.dumps(name): item for name, item in made.items()}


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
