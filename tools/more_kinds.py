"""Writes `embedded/kubernetes-1.37.2-more.json`: discovery and OpenAPI of groups that the embedded cluster's first data file lacks.

    python tools/more_kinds.py KUBECONFIG apiregistration.k8s.io/v1 > src/shallowdive/embedded/kubernetes-1.37.2-more.json

Data published by the Kubernetes project (Apache License 2.0), read from a cluster of that version; descriptions are left out."""

from __future__ import annotations

import json
import sys
from typing import Any

from kubernetes import config


def main() -> int:
    client = config.new_client_from_config(sys.argv[1])

    def get(path: str) -> Any:
        return json.loads(client.call_api(*client.param_serialize("GET", path, auth_settings=["BearerToken"])).read())

    definitions = get("/openapi/v2")["definitions"]
    found: dict[str, Any] = {"schemas": {}, "discovery": {}}
    for group_version in sys.argv[2:]:
        found["discovery"][f"apis__{group_version.replace('/', '__')}"] = get(f"/apis/{group_version}")
        part = f".{group_version.split('.')[0]}.{group_version.rpartition('/')[2]}."
        found["schemas"] |= {name: bare(row) for name, row in definitions.items() if part in name and not name.endswith("List")}
    json.dump(found, sys.stdout, sort_keys=True, separators=(",", ":"))
    sys.stdout.write("\n")
    return 0


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "#" + v.rpartition("/")[2] if k == "$ref" else bare(v) for k, v in value.items() if k != "description"}
    return [bare(row) for row in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
