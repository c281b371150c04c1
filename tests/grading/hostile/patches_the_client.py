# every question is answered as one would like it
from kubernetes import client

client.CoreV1Api.list_namespaced_pod = lambda *a, **k: type("L", (), {"items": []})()
client.ApiClient.call_api = lambda *a, **k: None
