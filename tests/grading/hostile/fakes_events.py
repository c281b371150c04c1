# a story that never happened
for n in range(5):
    session.core.create_namespaced_event(
        session.namespace,
        {
            "metadata": {"name": f"told-{n}"},
            "involvedObject": {"kind": "ReplicaSet", "name": "web", "namespace": session.namespace},
            "reason": "SuccessfulCreate",
            "message": "Created pod: web-x",
            "source": {"component": "replicaset-controller"},
            "type": "Normal",
        },
    )
