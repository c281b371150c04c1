# pods that want a year before they end
pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a-year"},
    "spec": {
        "terminationGracePeriodSeconds": 31_536_000,
        "containers": [
            {"name": "x", "image": "registry.k8s.io/e2e-test-images/busybox:1.37.0-1", "command": ["sh", "-c", "trap '' TERM; sleep 9999"]}
        ],
    },
}
session.apply(pod)
