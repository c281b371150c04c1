"""Every namespace has a service account `default`, and the certificate by which its pods would know the API server."""

from __future__ import annotations

from collections.abc import Iterable

from shallowdive.embedded import admission
from shallowdive.embedded.kinds import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Event, Key

CA = "kube-root-ca.crt"
ABOUT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
    "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."
)


class ServiceAccountController(Controller):
    name = "service-account-controller"
    watches = (NAMESPACES, SERVICEACCOUNTS)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == NAMESPACES:
            return (event.key,)
        return (("", event.key[0]),) if event.type == "DELETED" and event.key[1] == "default" else ()

    def reconcile(self, key: Key) -> None:
        namespace = self.store.get(NAMESPACES, *key)
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        if self.store.get(SERVICEACCOUNTS, key[1], "default") is None:
            admission.default_account(self.registry, key[1])


class RootCertificateController(Controller):
    name = "root-ca-cert-publisher"
    watches = (NAMESPACES, CONFIGMAPS)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == NAMESPACES:
            return (event.key,)
        return (("", event.key[0]),) if event.key[1] == CA else ()

    def reconcile(self, key: Key) -> None:
        namespace = self.store.get(NAMESPACES, *key)
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        data, old = {"ca.crt": self.cluster.settings.certificate}, self.store.get(CONFIGMAPS, key[1], CA)
        if old is None:
            meta = {"name": CA, "namespace": key[1], "annotations": {"kubernetes.io/description": ABOUT}}
            self.registry.create(CONFIGMAPS, {"metadata": meta, "data": data}, self.who)
        elif old.get("data") != data:
            self.registry.change(CONFIGMAPS, key[1], CA, lambda value: value.update(data=data), self.who)
