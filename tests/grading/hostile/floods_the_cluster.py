# As many objects as it can, and none of them small
from kubernetes import client
made = 0
for i in range(300):
    try:
        session.core.create_namespaced_pod(session.namespace, {"metadata": {"name": f"p{i}"}, "spec": {"containers": [
            {"name": "c", "image": "busybox", "command": ["sleep", "1000"]}]}})
        made += 1
    except client.ApiException:
        break
print("made", made)
