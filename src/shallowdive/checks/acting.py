"""What judges do to the objects of a lab, where one that has gone in the meantime is as good as one they deleted."""

from __future__ import annotations

from collections.abc import Callable

from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.bound import NamespaceClient


def unless_gone(call: Callable[[], object]) -> None:
    """Make this call; 404 is no error."""
    try:
        call()
    except ApiException as exc:
        if exc.status != 404:
            raise


def delete_pods(client: NamespaceClient, *names: str) -> None:
    """Each with a second to end in."""
    for name in names:
        unless_gone(lambda name=name: client.core.delete_namespaced_pod(name, client.namespace, grace_period_seconds=1))  # type: ignore[misc]
