"""The columns of `kubectl get`: what stands in a row of each kind. Those of priority 1 are shown by `-o wide` only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from shallowdive.embedded.api import pod_columns
from shallowdive.embedded.api.ages import age, between, since
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object

Cell = Callable[[Object, float], Any]
"""From an object and the time in cluster seconds to what stands in the cell."""


class Column(NamedTuple):
    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    format: str = ""


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


NAME = Column("Name", field("metadata.name"), format="name")
AGE = Column("Age", age)
CREATED = Column("Created At", field("metadata.creationTimestamp"), "date")
WORK = (Column("Containers", containers("name"), priority=1), Column("Images", containers("image"), priority=1))
SELECTOR = Column("Selector", shown(selector), priority=1)


def integer(name: str, path: str) -> Column:
    return Column(name, number(path), "integer")


def boolean(name: str, path: str) -> Column:
    return Column(name, field(path, False), "boolean")


def text(name: str, path: str, default: str = "", priority: int = 0) -> Column:
    return Column(name, field(path, default), priority=priority)


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
    status = job.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in (
            "Complete",
            "Failed",
            "Suspended",
            "FailureTarget",
            "SuccessCriteriaMet",
        ):
            return str(condition["type"])
    return "Terminating" if "deletionTimestamp" in job["metadata"] else "Running"


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


MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def modes(value: Object) -> str:
    found = value.get("spec" if value["kind"] == "PersistentVolume" else "status", {}).get("accessModes") or ()
    return ",".join(MODES.get(m, m) for m in MODES if m in found)


def claim(volume: Object) -> str:
    ref = volume.get("spec", {}).get("claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


def subjects(kind: str) -> Column:
    def names(binding: Object) -> str:
        found = [s for s in binding.get("subjects") or () if s["kind"] == kind]
        return ", ".join(f"{s.get('namespace', '')}/{s['name']}" if kind == "ServiceAccount" else s["name"] for s in found)

    return Column(kind + "s", shown(names), priority=1)


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
EVENT = (
    Column("Last Seen", LAST_SEEN),
    text("Type", "type"),
    text("Reason", "reason"),
    Column("Object", event_object),
    Column("Subobject", event_field("involvedObject.fieldPath", "regarding.fieldPath"), priority=1),
    Column("Source", event_source, priority=1),
    Column("Message", lambda v, now: event_field("message", "note")(v, now).strip()),
    Column("First Seen", FIRST_SEEN, priority=1),
    Column("Count", lambda v, _: str(v.get("count") or v.get("deprecatedCount") or (v.get("series") or {}).get("count") or 1), priority=1),
    Column("Name", field("metadata.name"), priority=1, format="name"),
)
BINDING = (NAME, Column("Role", shown(role)), AGE, subjects("User"), subjects("Group"), subjects("ServiceAccount"))
REPLICAS = (integer("Desired", "spec.replicas"), integer("Current", "status.replicas"), integer("Ready", "status.readyReplicas"))


def yes_no(path: str) -> Cell:
    found = field(path, False)
    return lambda value, now: str(found(value, now)).lower()


COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (NAME, *(Column(*row) for row in pod_columns.PODS[:3]), AGE, *(Column(*row, priority=1) for row in pod_columns.PODS[3:])),
    "configmaps": (NAME, Column("Data", shown(lambda v: len(v.get("data", {})) + len(v.get("binaryData", {})))), AGE),
    "secrets": (NAME, text("Type", "type"), Column("Data", shown(lambda v: len(v.get("data", {})))), AGE),
    "serviceaccounts": (NAME, AGE),
    "namespaces": (NAME, text("Status", "status.phase"), AGE),
    "nodes": (
        NAME, Column("Status", shown(node_status)), Column("Roles", shown(roles)), AGE, text("Version", "status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", node_address("InternalIP"), priority=1), Column("External-IP", node_address("ExternalIP"), priority=1),
        text("OS-Image", "status.nodeInfo.osImage", "<unknown>", 1), text("Kernel-Version", "status.nodeInfo.kernelVersion", "<unknown>", 1),
        text("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", "<unknown>", 1),
    ),
    "services": (
        NAME, text("Type", "spec.type"), text("Cluster-IP", "spec.clusterIP", "<none>"), Column("External-IP", shown(external_ip)),
        Column("Port(s)", shown(service_ports)), AGE, Column("Selector", shown(lambda v: joined(v.get("spec", {}).get("selector"))), priority=1),
    ),
    "endpoints": (NAME, Column("Endpoints", shown(endpoints)), AGE),
    "events": EVENT,
    "events.events.k8s.io": EVENT,
    "limitranges": (NAME, CREATED),
    "resourcequotas": (NAME, Column("Request", quota("request")), Column("Limit", quota("limit")), AGE),
    "persistentvolumeclaims": (
        NAME, text("Status", "status.phase"), text("Volume", "spec.volumeName"), text("Capacity", "status.capacity.storage"),
        Column("Access Modes", shown(modes)), text("StorageClass", "spec.storageClassName"),
        text("VolumeAttributesClass", "status.currentVolumeAttributesClassName", "<unset>"), AGE, text("VolumeMode", "spec.volumeMode", "<unset>", 1),
    ),
    "persistentvolumes": (
        NAME, text("Capacity", "spec.capacity.storage"), Column("Access Modes", shown(modes)),
        text("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"), text("Status", "status.phase"), Column("Claim", shown(claim)),
        text("StorageClass", "spec.storageClassName"), text("VolumeAttributesClass", "spec.volumeAttributesClassName", "<unset>"),
        text("Reason", "status.reason"), AGE, text("VolumeMode", "spec.volumeMode", "<unset>", 1),
    ),
    "replicationcontrollers": (NAME, *REPLICAS, AGE, *WORK, Column("Selector", shown(lambda v: joined(v["spec"].get("selector"))), priority=1)),
    "replicasets.apps": (NAME, *REPLICAS, AGE, *WORK, SELECTOR),
    "deployments.apps": (
        NAME, Column("Ready", ratio("status.readyReplicas", "spec.replicas")), text("Up-to-date", "status.updatedReplicas"),
        text("Available", "status.availableReplicas"), AGE, *WORK, SELECTOR,
    ),
    "statefulsets.apps": (NAME, Column("Ready", ratio("status.readyReplicas", "spec.replicas")), AGE, *WORK),
    "daemonsets.apps": (
        NAME, integer("Desired", "status.desiredNumberScheduled"), integer("Current", "status.currentNumberScheduled"),
        integer("Ready", "status.numberReady"), integer("Up-to-date", "status.updatedNumberScheduled"), integer("Available", "status.numberAvailable"),
        Column("Node Selector", shown(lambda v: joined(v["spec"]["template"]["spec"].get("nodeSelector")))), AGE, *WORK, SELECTOR,
    ),
    "controllerrevisions.apps": (
        NAME, Column("Controller", shown(lambda v: next((f"{o['kind'].lower()}.{o['apiVersion'].partition('/')[0]}/{o['name']}"
                                                       for o in v["metadata"].get("ownerReferences", ()) if o.get("controller")), "<none>"))),
        text("Revision", "revision"), AGE,
    ),
    "jobs.batch": (
        NAME, Column("Status", shown(job_status)), Column("Completions", shown(job_completions)), Column("Duration", job_duration), AGE, *WORK, SELECTOR,
    ),
    "cronjobs.batch": (
        NAME, text("Schedule", "spec.schedule"), text("Timezone", "spec.timeZone", "<none>"), Column("Suspend", yes_no("spec.suspend"), "boolean"),
        Column("Active", shown(lambda v: len(v.get("status", {}).get("active", ()))), "integer"),
        Column("Last Schedule", lambda v, now: since(v["status"]["lastScheduleTime"], now) if v.get("status", {}).get("lastScheduleTime") else "<none>"),
        AGE, Column("Containers", containers("name", "spec.jobTemplate.spec.template.spec"), priority=1),
        Column("Images", containers("image", "spec.jobTemplate.spec.template.spec"), priority=1),
        Column("Selector", shown(lambda v: selector(v["spec"]["jobTemplate"])), priority=1),
    ),
    "leases.coordination.k8s.io": (NAME, text("Holder", "spec.holderIdentity"), AGE),
    "endpointslices.discovery.k8s.io": (
        NAME, text("AddressType", "addressType"), Column("Ports", shown(slice_ports)), Column("Endpoints", shown(slice_addresses)), AGE,
    ),
    "ingresses.networking.k8s.io": (
        NAME, text("Class", "spec.ingressClassName", "<none>"), Column("Hosts", shown(hosts)), Column("Address", shown(ingress_address)),
        Column("Ports", shown(lambda v: "80, 443" if v.get("spec", {}).get("tls") else "80")), AGE,
    ),
    "ingressclasses.networking.k8s.io": (NAME, text("Controller", "spec.controller"), text("Parameters", "spec.parameters.name", "<none>"), AGE),
    "networkpolicies.networking.k8s.io": (
        NAME, Column("Pod-Selector", shown(lambda v: selector({"spec": {"selector": v["spec"].get("podSelector")}}))), AGE,
    ),
    "servicecidrs.networking.k8s.io": (NAME, Column("CIDRs", shown(lambda v: ",".join(v["spec"].get("cidrs", ())))), AGE),
    "storageclasses.storage.k8s.io": (
        NAME, text("Provisioner", "provisioner"), text("ReclaimPolicy", "reclaimPolicy", "Delete"), text("VolumeBindingMode", "volumeBindingMode", "<unset>"),
        Column("AllowVolumeExpansion", yes_no("allowVolumeExpansion")), AGE,
    ),
    "poddisruptionbudgets.policy": (
        NAME, Column("Min Available", shown(lambda v: str(v["spec"].get("minAvailable", "N/A")))),
        Column("Max Unavailable", shown(lambda v: str(v["spec"].get("maxUnavailable", "N/A")))),
        integer("Allowed Disruptions", "status.disruptionsAllowed"), AGE,
    ),
    "priorityclasses.scheduling.k8s.io": (
        NAME, integer("Value", "value"), boolean("Global-Default", "globalDefault"), AGE, text("PreemptionPolicy", "preemptionPolicy"),
    ),
    "horizontalpodautoscalers.autoscaling": (
        NAME, Column("Reference", shown(lambda v: "{kind}/{name}".format(**v["spec"]["scaleTargetRef"]))), Column("Targets", shown(lambda _: "<none>")),
        Column("MinPods", shown(lambda v: str(v["spec"].get("minReplicas", "<unset>")))), Column("MaxPods", number("spec.maxReplicas")),
        Column("Replicas", number("status.currentReplicas")), AGE,
    ),
    "clusterroles.rbac.authorization.k8s.io": (NAME, CREATED),
    "roles.rbac.authorization.k8s.io": (NAME, CREATED),
    "clusterrolebindings.rbac.authorization.k8s.io": BINDING,
    "rolebindings.rbac.authorization.k8s.io": BINDING,
}  # fmt: skip


@cache
def columns_of(kind: Kind) -> tuple[Column, ...]:
    return COLUMNS.get(kind.resource, (NAME, AGE))
