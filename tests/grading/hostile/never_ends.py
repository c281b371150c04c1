# objects that wait for somebody who will never come, so that the namespace cannot end
for n in range(3):
    session.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"stays-{n}", "finalizers": ["example.com/nobody"]}, "data": {}}
    )
