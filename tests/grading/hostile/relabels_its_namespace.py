# Another learner's name on the namespace, and no pod security
session.core.patch_namespace(
    session.namespace, {"metadata": {"labels": {"shallowdive/learner": "somebody", "pod-security.kubernetes.io/enforce": None}}}
)
