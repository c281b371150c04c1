"""The columns of `kubectl get`: what a row of each kind shows. Those of priority 1 are shown by `-o wide` only."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from shallowdive.embedded.api import pod_columns
from shallowdive.embedded.api.ages import age
from shallowdive.embedded.api.cells import (
    FIRST_SEEN,
    LAST_SEEN,
    Cell,
    claim,
    containers,
    controller,
    default_class,
    endpoints,
    event_field,
    event_object,
    event_source,
    external_ip,
    field,
    hosts,
    ingress_address,
    job_completions,
    job_duration,
    job_status,
    joined,
    last_schedule,
    modes,
    node_address,
    node_status,
    number,
    quota,
    ratio,
    role,
    roles,
    selector,
    service_ports,
    shown,
    slice_addresses,
    slice_ports,
    yes_no,
)
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object


class Column(NamedTuple):
    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    format: str = ""


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


def subjects(kind: str) -> Column:
    def names(binding: Object) -> str:
        found = [s for s in binding.get("subjects") or () if s["kind"] == kind]
        return ", ".join(f"{s.get('namespace', '')}/{s['name']}" if kind == "ServiceAccount" else s["name"] for s in found)

    return Column(kind + "s", shown(names), priority=1)


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


COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (NAME, *(Column(*row) for row in pod_columns.PODS[:3]), AGE, *(Column(*row, priority=1) for row in pod_columns.PODS[3:])),
    "configmaps": (NAME, Column("Data", shown(lambda v: len(v.get("data", {})) + len(v.get("binaryData", {})))), AGE),
    "secrets": (NAME, text("Type", "type"), Column("Data", shown(lambda v: len(v.get("data", {})))), AGE),
    "serviceaccounts": (NAME, AGE),
    "namespaces": (NAME, text("Status", "status.phase"), AGE),
    "nodes": (
        NAME, Column("Status", shown(node_status)), Column("Roles", shown(roles)), AGE, text("Version", "status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", node_address("InternalIP"), priority=1), Column("External-IP", node_address("ExternalIP"), priority=1),
        text("OS-Image", "status.nodeInfo.osImage", "<unknown>", 1),
        text("Kernel-Version", "status.nodeInfo.kernelVersion", "<unknown>", 1),
        text("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", "<unknown>", 1),
    ),
    "services": (
        NAME, text("Type", "spec.type"), text("Cluster-IP", "spec.clusterIP", "<none>"), Column("External-IP", shown(external_ip)),
        Column("Port(s)", shown(service_ports)), AGE,
        Column("Selector", shown(lambda v: joined(v.get("spec", {}).get("selector"))), priority=1),
    ),
    "endpoints": (NAME, Column("Endpoints", shown(endpoints)), AGE),
    "events": EVENT,
    "events.events.k8s.io": EVENT,
    "limitranges": (NAME, CREATED),
    "resourcequotas": (NAME, Column("Request", quota("request")), Column("Limit", quota("limit")), AGE),
    "persistentvolumeclaims": (
        NAME, text("Status", "status.phase"), text("Volume", "spec.volumeName"), text("Capacity", "status.capacity.storage"),
        Column("Access Modes", shown(modes)), text("StorageClass", "spec.storageClassName"),
        text("VolumeAttributesClass", "status.currentVolumeAttributesClassName", "<unset>"), AGE,
        text("VolumeMode", "spec.volumeMode", "<unset>", 1),
    ),
    "persistentvolumes": (
        NAME, text("Capacity", "spec.capacity.storage"), Column("Access Modes", shown(modes)),
        text("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"), text("Status", "status.phase"), Column("Claim", shown(claim)),
        text("StorageClass", "spec.storageClassName"), text("VolumeAttributesClass", "spec.volumeAttributesClassName", "<unset>"),
        text("Reason", "status.reason"), AGE, text("VolumeMode", "spec.volumeMode", "<unset>", 1),
    ),
    "replicationcontrollers": (NAME, *REPLICAS, AGE, *WORK,
    Column("Selector", shown(lambda v: joined(v["spec"].get("selector"))), priority=1)),
    "replicasets.apps": (NAME, *REPLICAS, AGE, *WORK, SELECTOR),
    "deployments.apps": (
        NAME, Column("Ready", ratio("status.readyReplicas", "spec.replicas")), Column("Up-to-date", number("status.updatedReplicas")),
        Column("Available", number("status.availableReplicas")), AGE, *WORK, SELECTOR,
    ),
    "statefulsets.apps": (NAME, Column("Ready", ratio("status.readyReplicas", "spec.replicas")), AGE, *WORK),
    "daemonsets.apps": (
        NAME, integer("Desired", "status.desiredNumberScheduled"), integer("Current", "status.currentNumberScheduled"),
        integer("Ready", "status.numberReady"), integer("Up-to-date", "status.updatedNumberScheduled"),
        integer("Available", "status.numberAvailable"),
        Column("Node Selector", shown(lambda v: joined(v["spec"]["template"]["spec"].get("nodeSelector")))), AGE, *WORK, SELECTOR,
    ),
    "controllerrevisions.apps": (
        NAME, Column("Controller", shown(controller)), text("Revision", "revision"), AGE,
    ),
    "jobs.batch": (
        NAME, Column("Status", shown(job_status)), Column("Completions", shown(job_completions)), Column("Duration", job_duration),
        AGE, *WORK, SELECTOR,
    ),
    "cronjobs.batch": (
        NAME, text("Schedule", "spec.schedule"), text("Timezone", "spec.timeZone", "<none>"),
        Column("Suspend", yes_no("spec.suspend"), "boolean"),
        Column("Active", shown(lambda v: len(v.get("status", {}).get("active", ()))), "integer"),
        Column("Last Schedule", last_schedule), AGE,
        Column("Containers", containers("name", "spec.jobTemplate.spec.template.spec"), priority=1),
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
    "ingressclasses.networking.k8s.io": (NAME, text("Controller", "spec.controller"),
    text("Parameters", "spec.parameters.name", "<none>"), AGE),
    "networkpolicies.networking.k8s.io": (
        NAME, Column("Pod-Selector", shown(lambda v: selector({"spec": {"selector": v["spec"].get("podSelector")}}))), AGE,
    ),
    "servicecidrs.networking.k8s.io": (NAME, Column("CIDRs", shown(lambda v: ",".join(v["spec"].get("cidrs", ())))), AGE),
    "storageclasses.storage.k8s.io": (
        Column("Name", shown(default_class), format="name"), text("Provisioner", "provisioner"), text("ReclaimPolicy", "reclaimPolicy",
          "Delete"),
        text("VolumeBindingMode", "volumeBindingMode", "<unset>"),
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
        NAME, Column("Reference", shown(lambda v: "{kind}/{name}".format(**v["spec"]["scaleTargetRef"]))),
        Column("Targets", shown(lambda _: "<none>")),
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
