# gives its token to a pod, which works on when the notebook has ended
import os
from pathlib import Path

token = Path(os.environ["SHALLOWDIVE_TOKEN_FILE"]).read_text()
line = (
    "while true; do wget -q -O - --no-check-certificate --header \"Authorization: Bearer $TOKEN\" "
    "--header 'Content-Type: application/json' --post-data '{\"metadata\":{\"generateName\":\"x-\"}}' "
    "https://$KUBERNETES_SERVICE_HOST/api/v1/namespaces/$NS/configmaps; sleep 1; done"
)
container = {
    "name": "x",
    "image": "registry.k8s.io/e2e-test-images/busybox:1.37.0-1",
    "command": ["sh", "-c", line],
    "env": [{"name": "TOKEN", "value": token}, {"name": "NS", "value": session.namespace}],
}
session.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agent"}, "spec": {"containers": [container]}})
