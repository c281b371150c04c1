"""Collect the field numbers of Kubernetes' protobuf messages: what the embedded cluster needs to read the bodies that kubectl sends.

Usage: python tools/protobuf_numbers.py API APIMACHINERY
with the git directories of kubernetes/api and kubernetes/apimachinery at the release."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import orjson

from shallowdive.embedded.kinds import data

TARGET = Path(__file__).parent.parent / "src/shallowdive/embedded/kubernetes-1.37.2-protobuf.json.gz"
MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(?:optional|repeated|required)?\s*([\w.<>, ]+?) (\w+) = (\d+);", re.MULTILINE)


def git(repository: str, *command: str) -> str:
    return subprocess.run(["git", f"--git-dir={repository}", *command], check=True, capture_output=True, text=True).stdout


def read(repository: str, path: str) -> str:
    return git(repository, "show", f"HEAD:{path}")


def protos(repository: str) -> list[str]:
    return [path for path in git(repository, "ls-tree", "-r", "--name-only", "HEAD").splitlines() if path.endswith("generated.proto")]


INLINED = {
    "localObjectReference": "LocalObjectReference",
    "ephemeralContainerCommon": "EphemeralContainerCommon",
    "persistentVolumeSource": "PersistentVolumeSource",
    "volumeSource": "VolumeSource",
    "handler": "ProbeHandler",
    "ingressRuleValue": "IngressRuleValue",
}
"""Fields of a message whose own fields stand beside the others in JSON: written as `+` and the message."""
RENAMED = {"uID": "uid", "aPIGroup": "apiGroup"}


def main() -> None:
    schemas = data()["schemas"]
    found: dict[str, dict[str, str]] = {}
    for repository in sys.argv[1:3]:
        for path in protos(repository):
            text = read(repository, path)
            package = re.search(r"^package ([\w.]+);", text, re.MULTILINE)
            assert package
            prefix = "io.k8s." + package[1].removeprefix("k8s.io.")
            for name, body in MESSAGE.findall(text):
                schema = f"{prefix}.{name}"
                if schema not in schemas and name not in INLINED.values():
                    continue
                known, rows = schemas.get(schema, {}).get("properties", {}), {}
                for _, field, number in FIELD.findall(re.sub(r"//.*", "", body)):
                    inline = field in INLINED and field not in known and known
                    rows[number] = f"+{prefix}.{INLINED[field]}" if inline else RENAMED.get(field, field)
                found[schema] = rows
    missing = sorted(set(schemas) - found.keys())
    TARGET.write_bytes(gzip.compress(orjson.dumps(found, option=orjson.OPT_SORT_KEYS), mtime=0))
    print(f"{len(found)} messages, {TARGET.stat().st_size} bytes; without one: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
