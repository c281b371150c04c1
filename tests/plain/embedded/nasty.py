"""Words, values and paths that have broken some API server: what `malformed` builds its requests from. Data only."""

from __future__ import annotations

from typing import Any

JSON = "application/json"
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")
APPLY = "application/apply-patch+yaml"

NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 1e308, 0.5, "", " ", "a", "null", "0", "-1", "1e400", "\x00", "é" * 40,
    "a" * 300, "a" * 5000, "../..", "%00", "a/b", "UPPER", "-a", "a.", "*", "\ud7ff\n\t", "1Gi", "1.5e3Mi", "١", "100%", "-5%",
    "10.0.0.300",
    [], [None], [[]], [{}], {}, {"": ""}, {"a": None}, {"a": {"b": []}}, ["a", 1, None, {}], [[[[]]]], "2026-13-45T99:99:99Z",
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
)  # fmt: skip
NAMES = (
    "seed", "web", "missing", "", ".", "..", "a" * 254, "a" * 63, "A", "é", "a b", "a%2Fb", "a/b", "-", "0", "null", "seed:80",
    "https:seed:http",
    "\x00", "watch", "namespaces", "kube-root-ca.crt", "default", "a_b", "10.1.2.3",
)  # fmt: skip
QUERIES = {
    "limit": ("0", "-1", "1", "2", "abc", "9" * 30, "", "1.5"),
    "continue": ("", "abc", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0", "e30", "bnVsbA", "%%%", "W10=", "é"),
    "resourceVersion": ("0", "1", "-1", "abc", "9" * 30, "", "99999"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "x", ""),
    "watch": ("1", "true", "maybe", "", "0"),
    "timeoutSeconds": ("0", "1", "-1", "abc", "9" * 25),
    "allowWatchBookmarks": ("true", "x"),
    "sendInitialEvents": ("true", "x", ""),
    "dryRun": ("All", "all", "None", "", "All,All"),
    "fieldManager": ("m", "", "m" * 129, "\x01", "é"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "strict", "x"),
    "force": ("true", "x", ""),
    "gracePeriodSeconds": ("0", "-1", "abc", "9" * 25),
    "propagationPolicy": ("Foreground", "Orphan", "Background", "x"),
    "orphanDependents": ("true", "x"),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("true",),
    "pretty": ("true", "x", ""),
    "tailLines": ("0", "-1", "abc"),
    "sinceSeconds": ("0", "-1", "abc"),
    "sinceTime": ("yesterday", "2026-01-01T00:00:00Z"),
    "limitBytes": ("0", "-1", "x"),
    "container": ("web", "", "none", "é"),
    "follow": ("true", "x"),
    "previous": ("true", "x"),
    "command": ("", "sh", "\x00", "a" * 1000),
    "path": ("/", "", "../x", "http://a"),
    "stdin": ("1", "x"),
    "tty": ("true", "x"),
    "ports": ("80", "x", "0", "99999"),
    "é": ("é",),
    "": ("",),
}
SELECTOR_PARTS = (
    "a", "app", "=", "==", "!=", "!", ",", " in ", " notin ", "(", ")", "seed", " ", "é", "/", "a.b/c", "metadata.name", "status.phase",
    "spec.nodeName",
    "Running", ">", "<", "1", "\\", "\\,", "\x00", "a" * 64, "()", "(a,)", "(,)", "!!", "in", "notin", "exists", "\n", ";",
)  # fmt: skip
HEADERS = {
    "accept": ("*/*", "", "text/html", JSON, "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
               "application/json;as=Table;v=v9;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", ";;;",
               "a/b;q=x,*/*;q=nan",
               "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/json;as=;v=;g="),
    "content-type": ("", JSON, "text/plain", "application/yaml", "application/vnd.kubernetes.protobuf", "application/json; charset=x",
    ";", "a",
                     *PATCHES, APPLY, "application/apply-patch+cbor", "multipart/form-data"),
    "authorization": ("", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "Bearer " + "a" * 5000, "é"),
    "impersonate-user": ("someone", "", "system:serviceaccount:x", "é"),
    "impersonate-group": ("system:masters", ""),
    "impersonate-uid": ("1",),
    "user-agent": ("", "a/b", "/" * 50, "é" * 200, "\x01"),
    "content-length": ("abc",),
    "connection": ("Upgrade",),
    "upgrade": ("websocket", "SPDY/3.1"),
    "if-none-match": ("*",),
    "accept-encoding": ("gzip", "x"),
    "content-encoding": ("gzip", "x"),
}  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "", "BREW", "PROPFIND")
DIRECTIVES = ("$patch", "$retainKeys", "$deleteFromPrimitiveList/finalizers", "$setElementOrder/containers", "$setElementOrder/ports", "$x")
YAML_TEXTS = (
    "a: &a [x, *a]", "a: &a {b: *a}", "&a [*a, *a]", "!!python/object/apply:os.getcwd []", "a: 1\na: 2", "---\n---\n", "- 1\n- 2", "{",
    "a: b: c", "\t", "%YAML 9",
    "? [a]\n: b", "1: 2", "2026-01-01: x", "a: .inf", "a: .nan", "a: 0x10", "a: 2026-01-01T00:00:00Z", "a: !!binary AAEC", "a: !!set {x}",
    "~", "''",
    "a: &1 [z,z,z,z,z,z,z,z,z]\n" + "".join(f"{chr(97 + i)}: &{i + 1} [{','.join([f'*{i}'] * 9)}]\n" for i in range(1, 9)),
)  # fmt: skip
SUBRESOURCES = (
    "status", "scale", "log", "exec", "attach", "portforward", "proxy", "binding", "eviction", "token", "finalize", "ephemeralcontainers",
    "resize", "approval", "x", "", "status/x", "proxy/a/b", "é",
)  # fmt: skip
OTHER_PATHS = (
    "/", "", "//", "/api", "/api/", "/apis", "/apis/", "/api/v2", "/apis/apps", "/apis/apps/v2/deployments", "/version", "/healthz",
    "/healthz/x", "/livez",
    "/readyz/ping", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/openapi/v3/x", "/metrics", "/logs", "/api/v1/",
    "/api/v1/namespaces/",
    "/api/v1/namespaces//pods", "/api/v1//pods", "/apis//v1/pods", "/../../etc/passwd", "/api/v1/namespaces/fuzz/../pods", "/api/v1/é",
    "/\x00", "/a" * 3000,
    "/api/v1/watch", "/api/v1/watch/pods", "/api/v1/watch/namespaces/fuzz/pods/seed", "/api/v1/proxy/x",
    "/api/v1/namespaces/fuzz/pods/seed/status/x/y",
    "/shallowdive", "/shallowdive/nodes", "/shallowdive/nodes/x/stop", "/shallowdive/clock", "/shallowdive/x/y/z", "api/v1/pods", "*",
    "http://x/api",
    "/apis/metrics.k8s.io/v1beta1/nodes", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/.well-known/openid-configuration",
)  # fmt: skip
