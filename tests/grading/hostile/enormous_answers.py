session.core.create_namespaced_config_map(session.namespace, {"metadata": {"name": "big"}, "data": {"x": "y" * 900_000}})
session.core.patch_namespaced_config_map("shallowdive-answers", session.namespace, {"data": {"answer.x": "[" * 500_000}})
