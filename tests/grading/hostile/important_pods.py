# pods that may push out everybody's
for name in ("system-node-critical", "system-cluster-critical"):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "priorityClassName": name,
            "containers": [
                {
                    "name": "x",
                    "image": "registry.k8s.io/e2e-test-images/busybox:1.37.0-1",
                    "command": ["sleep", "999"],
                    "resources": {"requests": {"cpu": "1900m"}},
                }
            ],
        },
    }
    try:
        session.apply(pod)
    except Exception as exc:
        print(exc)
