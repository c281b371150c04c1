# a Deployment that says of itself that it is ready
body = {"status": {"replicas": 5, "readyReplicas": 5, "availableReplicas": 5, "updatedReplicas": 5}}
for name in ("patch_namespaced_deployment_status", "replace_namespaced_deployment_status"):
    try:
        getattr(session.apps, name)("web", session.namespace, body)
    except Exception as exc:
        print(exc)
