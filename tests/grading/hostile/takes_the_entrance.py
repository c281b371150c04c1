# an Ingress for every host there is
rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}
for host in (None, "*.localhost", "localhost"):
    spec = {"ingressClassName": "traefik", "rules": [rule | ({"host": host} if host else {})]}
    name = f"all-{(host or 'hosts').strip('*.')}"
    session.apply({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": spec})
