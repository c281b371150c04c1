"""What stands in one cell of `kubectl get`: functions of an object and the time, put together in `columns`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded.api.ages import between, since
from shallowdive.embedded.store import Object

Cell = Callable[[Object, float], Any]
"""From an object and the time in cluster seconds to what stands in the cell."""


def field(path: str, default: Any = "") -> Cell:
    """The value at a path like `status.phase`."""
    steps = path.split(".")

    def cell(value: Object, _now: float) -> Any:
        found: Any = value
        for step in steps:
            found = found.get(step) if isinstance(found, dict) else None
        return default if found is None else found

    return cell


def number(path: str) -> Cell:
    return field(path, 0)


def shown(look: Callable[[Object], Any]) -> Cell:
    """A cell that does not depend on the time."""
    return lambda value, _now: look(value)


def ratio(have: str, want: str, default: int = 0) -> Cell:
    first, second = number(have), field(want, default)
    return lambda value, now: f"{first(value, now)}/{second(value, now)}"


def containers(what: str, path: str = "spec.template.spec") -> Cell:
    spec = field(path, {})
    return lambda value, now: ",".join(c.get(what, "") for c in spec(value, now).get("containers", ()))


def joined(labels: dict[str, str] | None) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "<none>"


def selector(value: Object) -> str:
    """A label selector as kubectl writes it."""
    wanted = value.get("spec", {}).get("selector") or {}
    terms = [f"{k}={v}" for k, v in sorted(wanted.get("matchLabels", {}).items())]
    for row in wanted.get("matchExpressions", ()):
        listed = ",".join(sorted(row.get("values", ())))
        match row["operator"]:
            case "In":
                terms.append(f"{row['key']} in ({listed})")
            case "NotIn":
                terms.append(f"{row['key']} notin ({listed})")
            case "Exists":
                terms.append(row["key"])
            case _:
                terms.append(f"!{row['key']}")
    return ",".join(terms) or "<none>"


def roles(node: Object) -> str:
    found = []
    for label, value in node["metadata"].get("labels", {}).items():
        if label.startswith("node-role.kubernetes.io/"):
            found.append(label.rpartition("/")[2])
        elif label == "kubernetes.io/role" and value:
            found.append(value)
    return ",".join(sorted(filter(None, found))) or "<none>"


def node_status(node: Object) -> str:
    ready = next((c for c in node.get("status", {}).get("conditions", ()) if c["type"] == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if node.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_address(kind: str) -> Cell:
    return shown(lambda n: next((a["address"] for a in n.get("status", {}).get("addresses", ()) if a["type"] == kind), "<none>"))


def external_ip(service: Object) -> str:
    spec = service.get("spec", {})
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    external = spec.get("externalIPs", [])
    if spec.get("type") == "LoadBalancer":
        points = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
        return ",".join([*(p.get("ip") or p.get("hostname", "") for p in points), *external]) or "<pending>"
    return ",".join(external) or "<none>"


def service_ports(service: Object) -> str:
    rows = []
    for port in service.get("spec", {}).get("ports", ()):
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        rows.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(rows) or "<none>"


def endpoints(value: Object) -> str:
    found, more = [], 0
    for subset in value.get("subsets", ()):
        for address in subset.get("addresses", ()):
            for port in subset.get("ports", ()) or [{}]:
                found.append(f"{address['ip']}:{port['port']}" if port else address["ip"])
    if len(found) > 3:
        found, more = found[:3], len(found) - 3
    return ",".join(found) + (f" + {more} more..." if more else "") or "<none>"


def some(rows: list[str], limit: int = 3) -> str:
    more = f" + {len(rows) - limit} more..." if len(rows) > limit else ""
    return ",".join(rows[:limit]) + more or "<unset>"


def slice_ports(value: Object) -> str:
    return some([str(p.get("port", "*")) for p in value.get("ports") or ()])


def slice_addresses(value: Object) -> str:
    return some([a for e in value.get("endpoints") or () for a in e.get("addresses", ())])


def hosts(ingress: Object) -> str:
    return some_hosts([r["host"] for r in ingress.get("spec", {}).get("rules") or () if r.get("host")])


def some_hosts(found: list[str]) -> str:
    return some(found).replace("<unset>", "*")


def ingress_address(ingress: Object) -> str:
    points = ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return ",".join(p.get("ip") or p.get("hostname", "") for p in points)


def job_status(job: Object) -> str:
    true = {row["type"] for row in job.get("status", {}).get("conditions", ()) if row["status"] == "True"}
    going = "Terminating" if "deletionTimestamp" in job["metadata"] else ""
    words = ("Complete", "Failed", going, "Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next((word for word in words if word in true or (word and word == going)), "Running")


def job_completions(job: Object) -> str:
    spec, done = job.get("spec", {}), job.get("status", {}).get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    return f"{done}/1 of {spec['parallelism']}" if spec.get("parallelism", 0) > 1 else f"{done}/1"


def job_duration(job: Object, now: float) -> str:
    status = job.get("status", {})
    if not status.get("startTime"):
        return ""
    return between(status["startTime"], status["completionTime"]) if status.get("completionTime") else since(status["startTime"], now)


def last_schedule(cronjob: Object, now: float) -> str:
    last = cronjob.get("status", {}).get("lastScheduleTime")
    return since(last, now) if last else "<none>"


def default_class(value: Object) -> str:
    meta = value["metadata"]
    default = meta.get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    return str(meta.get("name", "")) + (" (default)" if default else "")


def controller(value: Object) -> str:
    """The owner of a ControllerRevision: `daemonset.apps/web`."""
    owner = next((o for o in value["metadata"].get("ownerReferences", ()) if o.get("controller")), None)
    return f"{owner['kind'].lower()}.{owner['apiVersion'].partition('/')[0]}/{owner['name']}" if owner else "<none>"


MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def modes(value: Object) -> str:
    found = value.get("spec" if value["kind"] == "PersistentVolume" else "status", {}).get("accessModes") or ()
    return ",".join(MODES.get(m, m) for m in MODES if m in found)


def claim(volume: Object) -> str:
    ref = volume.get("spec", {}).get("claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


def role(binding: Object) -> str:
    ref = binding.get("roleRef", {})
    return f"{ref.get('kind')}/{ref.get('name')}"


def quota(which: str) -> Cell:
    """Request or limit rows: `cpu: 1/2`."""

    def cell(value: Object, _now: float) -> str:
        status = value.get("status", {})
        hard, used = status.get("hard", {}), status.get("used", {})
        rows = [n for n in sorted(hard) if n.startswith("limits") is (which == "limit")]
        return ", ".join(f"{n}: {used.get(n, '0')}/{hard[n]}" for n in rows)

    return cell


def event_object(event: Object, _now: float) -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def event_field(core: str, new: str) -> Cell:
    first, second = field(core, None), field(new, None)
    return lambda value, now: first(value, now) or second(value, now) or ""


def event_source(event: Object, _now: float) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or event.get("reportingController", "")
    return ", ".join(filter(None, (component, source.get("host") or event.get("reportingInstance", ""))))


def event_seen(*paths: str) -> Cell:
    cells = [field(path, None) for path in paths]

    def cell(value: Object, now: float) -> str:
        return since(next(filter(None, (c(value, now) for c in cells)), ""), now)

    return cell


LAST_SEEN = event_seen("series.lastObservedTime", "lastTimestamp", "deprecatedLastTimestamp", "eventTime")
FIRST_SEEN = event_seen("firstTimestamp", "deprecatedFirstTimestamp", "eventTime")


def yes_no(path: str) -> Cell:
    found = field(path, False)
    return lambda value, now: str(found(value, now)).lower()
