# Rights that it does not have: other namespaces, nodes, secrets of the system, roles for itself
from kubernetes import client

core = session.core
for act in (
    lambda: core.list_namespace(),
    lambda: core.list_pod_for_all_namespaces(),
    lambda: core.list_namespaced_secret("kube-system"),
    lambda: core.list_node(),
    lambda: core.create_namespace({"metadata": {"name": "mine"}}),
    lambda: client.RbacAuthorizationV1Api(session.client.api).list_cluster_role(),
):
    try:
        act()
        print("COULD")
    except client.ApiException as exc:
        print("could not", exc.status)
