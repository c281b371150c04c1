"""`python tools/go_facts.py API_SOURCES`: write src/shallowdive/embedded/kubernetes-1.37.2-go.json from the Go types of k8s.io/api.

API_SOURCES holds the `types.go` files of k8s.io/api (`core/v1/types.go` …) and of apimachinery (`pkg/apis/meta/v1/types.go`). What OpenAPI
does not say is read from them: which scalars are pointers, which fields are shown when empty, the names of types, what is embedded where,
and, for what error messages print, the order of fields. Kubernetes publishes them under the Apache License 2.0."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from shallowdive.embedded.kinds import data
from shallowdive.embedded.scalars import LEAVES

OUT = Path(__file__).resolve().parents[1] / "src" / "shallowdive" / "embedded" / "kubernetes-1.37.2-go.json"
CORE, APPS = "io.k8s.api.core.v1.", "io.k8s.api.apps.v1."
PRINTED = [CORE + name for name in ("PodSpec", "PodTemplateSpec", "PersistentVolumeClaim", "PersistentVolumeSpec", "ServicePort", "Taint")]
PRINTED += [APPS + name for name in ("DeploymentStrategy", "StatefulSetUpdateStrategy", "DaemonSetUpdateStrategy")]
PRINTED += ["io.k8s.api.batch.v1.SuccessPolicy", "io.k8s.api.policy.v1.PodDisruptionBudgetSpec", "io.k8s.api.rbac.v1.RoleRef"]
INTERNAL = {
    CORE
    + "PodSpec": "Volumes InitContainers Containers EphemeralContainers RestartPolicy TerminationGracePeriodSeconds ActiveDeadlineSeconds "
    "DNSPolicy NodeSelector ServiceAccountName DeprecatedServiceAccount AutomountServiceAccountToken NodeName HostNetwork HostPID HostIPC "
    "ShareProcessNamespace SecurityContext ImagePullSecrets Hostname Subdomain Affinity SchedulerName Tolerations HostAliases "
    "PriorityClassName Priority DNSConfig ReadinessGates RuntimeClassName EnableServiceLinks PreemptionPolicy Overhead "
    "TopologySpreadConstraints SetHostnameAsFQDN OS HostUsers SchedulingGates ResourceClaims Resources HostnameOverride SchedulingGroup "
    "EvictionResponders"
}
"""The server prints its internal types; where their order is another one, it was read off an error message."""
PLAIN = ("string", "int32", "int64", "bool", "uint8", "byte")
FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.\[\]*]+)\s*`[^`]*json:\"([^\"]*)\"", re.MULTILINE)
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)


class Field(NamedTuple):
    json: str
    go: str
    type: str
    options: str
    inside: tuple[str, ...]


class Sources:
    """The structs of a folder of `types.go` files."""

    def __init__(self, root: Path) -> None:
        self.structs: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for file in sorted(root.rglob("types.go")):
            package = "meta/v1" if "meta" in file.parts else "/".join(file.parts[-3:-1])
            for struct in STRUCT.finditer(file.read_text()):
                self.structs[package, struct[1]] = [(m[1] or "", m[2], m[3]) for m in FIELD.finditer(struct[2])]

    def fields(self, package: str, name: str, inside: tuple[str, ...] = ()) -> list[Field]:
        """With those of embedded structs in their place."""
        found: list[Field] = []
        for go, type_, tag in self.structs.get((package, name), ()):
            json_name, _, options = tag.partition(",")
            base = type_.rpartition(".")[2]
            if json_name:
                found.append(Field(json_name, go or base, type_, options, inside))
            elif base != "TypeMeta":
                prefix = type_.rpartition(".")[0].lstrip("*")
                home = "meta/v1" if prefix == "metav1" else "core/v1" if prefix in ("v1", "corev1") else package
                found += self.fields(home, base, (*inside, base))
        return found


def row_of(type_: str, fields: list[Field], *, printed: bool) -> dict[str, Any]:
    properties = data()["schemas"][type_]["properties"]
    pointers, always, types = [], [], {}
    for field in sorted(fields):
        schema = properties[field.json]
        kept = not {"omitempty", "omitzero"} & set(field.options.split(","))
        reference = schema.get("$ref", "").rpartition(".")[2]
        name = field.type.lstrip("*").replace("[]", "").rpartition(".")[2]
        if schema.get("type") in ("string", "integer", "boolean"):
            if field.type.startswith("*"):
                pointers.append(field.json)
            elif kept:
                always.append(field.json)
            if name not in PLAIN:
                types[field.json] = ("types." if "types." in field.type else "v1.") + name
        elif reference and reference not in LEAVES and not field.type.startswith("*") and "omitzero" not in field.options:
            always.append(field.json)
        elif schema.get("type") == "array" and name not in PLAIN and ("$ref" not in schema["items"] or not field.type.startswith("[]")):
            types[field.json] = ("[]v1." if field.type.startswith("[]") else "v1.") + name
        elif schema.get("type") == "object" and not field.type.startswith("map"):
            types[field.json] = f"v1.{name}"
        elif schema.get("type") == "object" and field.type not in ("map[string]string", "map[string][]byte"):
            types[field.json] = field.type
    inside = {field.json: ".".join(field.inside) for field in sorted(fields) if field.inside}
    order = INTERNAL.get(type_) or " ".join(field.go for field in fields) if printed else ""
    row = {"pointers": pointers, "always": always, "types": types, "inside": inside, "fields": order}
    return {name: value for name, value in row.items() if value}


def reached(types: list[str]) -> set[str]:
    """These types and all that they hold, without those that have JSON names of their own."""
    found: set[str] = set()
    waiting = list(types)
    while waiting:
        type_ = waiting.pop()
        if type_ not in found and "apimachinery" not in type_:
            found.add(type_)
            waiting += re.findall(r'"\$ref": "#([^"]+)"', json.dumps(data()["schemas"][type_]))
    return found


def main(root: str) -> None:
    sources, printed, rows = Sources(Path(root)), reached(PRINTED), {}
    for type_, schema in data()["schemas"].items():
        parts = type_.split(".")
        package = "meta/v1" if "apimachinery" in parts else "/".join(parts[3:5])
        fields = [field for field in sources.fields(package, parts[-1]) if field.json in schema.get("properties", {})]
        row = row_of(type_, fields, printed=type_ in printed) if fields else {}
        if row:
            rows[type_] = row
    lines = ",\n".join(f"{json.dumps(type_)}: {json.dumps(row, separators=(',', ':'))}" for type_, row in sorted(rows.items()))
    OUT.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main(sys.argv[1])
