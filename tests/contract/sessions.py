"""The sessions that `test_kubectl` plays, and the files they use. One replica where two would appear in either order."""

from __future__ import annotations

from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE, BUSYBOX

WEB = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, labels: {{app: web}}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: {AGNHOST}
        args: [netexec, --http-port=8080]
        ports: [{{name: http, containerPort: 8080}}]
        env: [{{name: COLOUR, value: blue}}, {{name: WHERE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}]
        resources: {{requests: {{cpu: 10m, memory: 16Mi}}, limits: {{memory: 64Mi}}}}
        livenessProbe: {{httpGet: {{path: /healthz, port: http}}, initialDelaySeconds: 100}}
"""
SHOP = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: shop.example
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
"""
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: NAME, labels: {{app: NAME}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {BUSYBOX}
    command: [sh, -c, "SCRIPT"]
"""
FILES = {
    "web.yaml": WEB,
    "web2.yaml": WEB.replace("COLOUR, value: blue", "COLOUR, value: green"),
    "shop.yaml": SHOP,
    "settings.yaml": SETTINGS,
    "settings2.yaml": SETTINGS.replace("blue", "green"),
    "typo.yaml": SETTINGS.replace("\ndata:", "\ndatas:"),
    "crash.yaml": POD.replace("NAME", "crash").replace("SCRIPT", "echo again; exit 3"),
    "talk.yaml": POD.replace("NAME", "talk").replace("SCRIPT", "echo one; echo two; sleep 100000"),
    "big.yaml": POD.replace("NAME", "big")
    .replace("SCRIPT", "true")
    .replace("    command:", "    resources: {requests: {cpu: 1000}}\n    command:"),
}

SESSIONS = {
    "deployment": f"""
        apply -f web.yaml
        rollout status deployment/web
        apply -f web.yaml
        diff -f web.yaml
        diff -f web2.yaml
        get deployments
        get deploy,rs,pods -o wide
        get pods -o name
        get all --show-labels
        get pods -l app=web
        get pods -l app=other
        get deployment web -o jsonpath={{.spec.replicas}}:{{.spec.template.spec.containers[*].image}}
        get deployment web -o custom-columns=NAME:.metadata.name,REPLICAS:.spec.replicas
        describe deployment web
        describe replicaset
        ? wait --for=condition=Ready pod -l app=web --timeout=100s
        describe pod -l app=web
        apply -f web2.yaml
        rollout status deployment/web
        rollout history deployment/web
        rollout history deployment/web --revision=2
        set image deployment/web web={AGNHOST_BEFORE}
        rollout status deployment/web
        annotate deployment web kubernetes.io/change-cause=older
        rollout history deployment/web
        rollout undo deployment/web --to-revision=1
        rollout status deployment/web
        rollout undo deployment/web --to-revision=9
        rollout pause deployment/web
        rollout pause deployment/web
        rollout status deployment/web --watch=false
        rollout resume deployment/web
        rollout resume deployment/web
        rollout restart deployment/web
        rollout status deployment/web
        scale deployment web --replicas=0
        scale deployment web --current-replicas=5 --replicas=1
        wait --for=jsonpath={{.spec.replicas}}=0 deployment/web
        label deployment web tier=front
        label deployment web tier=back
        label deployment web tier=back --overwrite
        label deployment web tier-
        annotate deployment web note=hello
        delete deployment web
        get deployment web
        wait --for=delete deployment/web --timeout=30s
    """,
    "service": f"""
        ? apply -f web.yaml
        apply -f shop.yaml
        ? rollout status deployment/web
        ? wait --for=jsonpath={{.endpoints[0].conditions.ready}}=true endpointslice -l kubernetes.io/service-name=web --timeout=100s
        ? wait --for=jsonpath={{.status.loadBalancer.ingress[0].hostname}}=localhost ingress/web --timeout=100s
        get service,ingress
        get endpointslices -o custom-columns=PORT:.ports[0].port
        describe service web
        describe ingress web
        expose deployment web --name=again --port=81 --target-port=8080
        expose deployment web --name=again --port=81
        get service again -o wide
        create service nodeport door --tcp=80:8080
        get service door
        get --raw /api/v1/namespaces/NS/services/web:80/proxy/echo?msg=through
        delete -f shop.yaml
        create deployment other --image={AGNHOST} --replicas=0
        get deployment other
        create deployment other --image={AGNHOST}
    """,
    "apply": """
        apply --server-side -f settings.yaml
        apply --server-side -f settings.yaml
        get configmap settings -o yaml --show-managed-fields
        apply --server-side --field-manager=other -f settings2.yaml
        apply --server-side --field-manager=other --force-conflicts -f settings2.yaml
        apply -f typo.yaml
        apply -f typo.yaml --validate=false
        create -f settings.yaml
        create -f settings.yaml --dry-run=server
        create -f settings.yaml --dry-run=client -o name
        replace -f settings.yaml
        patch configmap settings -p '{"data":{"colour":"red"}}'
        patch configmap settings --type=merge -p '{"data":{"colour":null}}'
        patch configmap settings --type=json -p '[{"op":"remove","path":"/data/ghost"}]'
        get configmap settings -o jsonpath={.data}
        delete -f settings.yaml
        delete -f settings.yaml
        delete -f settings.yaml --ignore-not-found
        create configmap made --from-literal=a=b
        create secret generic hidden --from-literal=word=open
        describe configmap made
        describe secret hidden
        get configmaps,secrets
        delete configmap --all
    """,
    "pods": f"""
        ? apply -f crash.yaml -f talk.yaml -f big.yaml
        run hello --image={BUSYBOX} --restart=Never --command -- echo hello
        ? wait --for=jsonpath={{.status.phase}}=Succeeded pod/hello --timeout=100s
        get pod hello
        logs hello
        wait --for=condition=Ready pod/talk --timeout=100s
        logs talk
        logs talk --tail=1
        logs talk -c ghost
        logs ghost
        exec talk -- echo inside
        exec talk -- sh -c "echo inside; exit 4"
        exec ghost -- true
        attach ghost
        ? wait --for=jsonpath={{.status.containerStatuses[0].state.waiting.reason}}=CrashLoopBackOff pod/crash --timeout=100s
        logs crash --previous
        describe pod big
        describe pod talk
        events --for pod/talk
        get events --field-selector involvedObject.name=big
        create job once --image={BUSYBOX} -- echo done
        ? wait --for=condition=Complete job/once --timeout=100s
        get jobs
        logs job/once
        describe job once
        create cronjob each --image={BUSYBOX} "--schedule=0 0 1 1 *" --dry-run=client -o name
        get pods -w --request-timeout=2s -l run=hello
        delete pod talk crash
        get pods
        get pods --field-selector=status.phase=Pending
        get pods ghost
        get nothing
        delete pod ghost
        set image pod/big main={AGNHOST}
        create quota few --hard=pods=0
        ? wait --for=jsonpath={{.status.used.pods}}=1 quota/few --timeout=100s
        run late --image={BUSYBOX}
    """,
    "cluster": """
        auth whoami
        api-versions
        api-resources --api-group=apps
        api-resources --namespaced=false --api-group=storage.k8s.io
        api-resources --api-group=
        api-resources --verbs=list,get --api-group=networking.k8s.io -o wide
        explain deployment.spec.strategy
        explain pod.spec.containers.ports
        explain service.nothing
        auth can-i create deployments
        auth can-i --list
        auth can-i get pods --as=jane
        create serviceaccount reader
        create token ghost
        create role reader --verb=get,list --resource=pods
        create rolebinding reader --role=reader --serviceaccount=NS:reader
        auth can-i list pods --as=system:serviceaccount:NS:reader
        auth can-i delete pods --as=system:serviceaccount:NS:reader
        auth can-i --list --as=system:serviceaccount:NS:reader
        get secrets --as=system:serviceaccount:NS:reader
        describe role reader
        get nodes
        get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints[*].key
        describe node CLUSTER-control-plane --show-events=false
        cordon CLUSTER-worker
        cordon CLUSTER-worker
        get node CLUSTER-worker
        uncordon CLUSTER-worker
        uncordon CLUSTER-worker
        cordon ghost
        top pods
        top nodes
        get --raw /healthz
        get --raw /nothing
        get storageclass
        get namespace NS
        describe namespace NS
        create namespace NS
        get all
        cluster-info
    """,
}
