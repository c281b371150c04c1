# A pod that is the machine
session.apply(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"hostPID": True, "containers": [{"name": "root", "image": "busybox", "securityContext": {"privileged": True}}]},
    }
)
