session.core.delete_namespace(session.namespace)
