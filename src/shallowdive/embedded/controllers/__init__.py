"""One short file for each promise the cluster keeps. `CONTROLLERS` is all of them."""

from __future__ import annotations

from shallowdive.embedded.controllers.accounts import RootCertificateController, ServiceAccountController
from shallowdive.embedded.controllers.cronjob import CronJobController
from shallowdive.embedded.controllers.daemonset import DaemonSetController
from shallowdive.embedded.controllers.deployment import DeploymentController
from shallowdive.embedded.controllers.disruption import DisruptionController
from shallowdive.embedded.controllers.endpoints import EndpointsController
from shallowdive.embedded.controllers.eviction import TaintEviction
from shallowdive.embedded.controllers.garbage import GarbageCollector
from shallowdive.embedded.controllers.job import JobController
from shallowdive.embedded.controllers.namespace import NamespaceController
from shallowdive.embedded.controllers.nodes import NodeLifecycle
from shallowdive.embedded.controllers.protection import ClaimProtection, VolumeProtection
from shallowdive.embedded.controllers.provisioner import LocalPathProvisioner
from shallowdive.embedded.controllers.quota import ResourceQuotaController
from shallowdive.embedded.controllers.rbac import ClusterRoleAggregation
from shallowdive.embedded.controllers.replicaset import ReplicaSetController, ReplicationControllerController
from shallowdive.embedded.controllers.statefulset import StatefulSetController
from shallowdive.embedded.controllers.volumes import VolumeBinder
from shallowdive.embedded.loop import Controller

CONTROLLERS: tuple[type[Controller], ...] = (
    ServiceAccountController,
    RootCertificateController,
    NamespaceController,
    GarbageCollector,
    ClusterRoleAggregation,
    ReplicaSetController,
    ReplicationControllerController,
    DeploymentController,
    StatefulSetController,
    DaemonSetController,
    EndpointsController,
    JobController,
    CronJobController,
    ResourceQuotaController,
    NodeLifecycle,
    TaintEviction,
    VolumeBinder,
    LocalPathProvisioner,
    ClaimProtection,
    VolumeProtection,
    DisruptionController,
)
