# pods of its own that look as if the ReplicaSet had made them
import copy

made = session.state.all("Pod")[0]
for n in range(2):
    pod = {k: copy.deepcopy(made[k]) for k in ("apiVersion", "kind", "metadata", "spec")}
    meta = pod["metadata"]
    pod["metadata"] = {"name": f"web-made-{n}", "labels": meta["labels"], "ownerReferences": meta.get("ownerReferences")}
    pod["spec"].pop("nodeName", None)
    session.apply(pod)
