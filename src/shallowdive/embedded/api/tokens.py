"""Tokens of service accounts: who they are for, until when, and a signature that only this cluster can make.

They look like the real ones (JWT) but are signed with one secret of the cluster instead of a key pair: nobody outside checks them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from shallowdive.embedded.kinds import PODS, SERVICEACCOUNTS
from shallowdive.embedded.request import User

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

ISSUER = "https://kubernetes.default.svc.cluster.local"
HEAD = {"alg": "HS256", "kid": "shallowdive"}


class Issued(NamedTuple):
    token: str
    expires: str


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._secret = cluster.random.randbytes(32)
        self._known: dict[str, dict[str, Any]] = {}

    def issue(
        self, account: dict[str, Any], seconds: int, audiences: list[str] | None = None, bound: dict[str, Any] | None = None
    ) -> Issued:
        """A token of a ServiceAccount. `bound` is the Pod (or Secret, Node) whose end is the token's too."""
        meta, now = account["metadata"], int(self._cluster.clock.now())
        about: dict[str, Any] = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}}
        if bound:
            about[bound["kind"].lower()] = {"name": bound["metadata"]["name"], "uid": bound["metadata"]["uid"]}
        claims = {
            "aud": audiences or [ISSUER], "exp": now + seconds, "iat": now, "iss": ISSUER, "jti": self._cluster.registry.draw_uid(),
            "kubernetes.io": about, "nbf": now, "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        }  # fmt: skip
        text = f"{_encode(orjson.dumps(HEAD))}.{_encode(orjson.dumps(claims))}"
        return Issued(f"{text}.{self._sign(text)}", self._cluster.clock.stamp_after(seconds))

    def _sign(self, text: str) -> str:
        return _encode(hmac.new(self._secret, text.encode(), hashlib.sha256).digest())

    def claims(self, token: str) -> dict[str, Any] | None:
        """What a token says, if this cluster signed it."""
        if token in self._known:
            return self._known[token]
        text, _, signature = token.rpartition(".")
        if not text or not hmac.compare_digest(self._sign(text).encode(), signature.encode()):
            return None
        try:
            claims: dict[str, Any] = orjson.loads(_decode(text.rpartition(".")[2]))
        except (binascii.Error, orjson.JSONDecodeError):
            return None
        self._known[token] = claims
        return claims

    def user(self, token: str, audiences: list[str] | None = None) -> User | None:
        """Whose token it is; None when it is not ours, has expired, is for somebody else, or what it belongs to is gone."""
        claims = self.claims(token)
        if claims is None or claims["exp"] <= self._cluster.clock.now() or not set(claims["aud"]) & set(audiences or [ISSUER]):
            return None
        about, store = claims["kubernetes.io"], self._cluster.store
        namespace, account = about["namespace"], about["serviceaccount"]
        living = store.get(SERVICEACCOUNTS, namespace, account["name"])
        if living is None or living["metadata"]["uid"] != account["uid"]:
            return None
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        if "pod" in about:
            pod = store.get(PODS, namespace, about["pod"]["name"])
            if pod is None or pod["metadata"]["uid"] != about["pod"]["uid"]:
                return None
            extra["authentication.kubernetes.io/pod-name"] = [about["pod"]["name"]]
            extra["authentication.kubernetes.io/pod-uid"] = [about["pod"]["uid"]]
        return account_user(namespace, account["name"], account["uid"], extra)


def account_user(namespace: str, name: str, uid: str = "", extra: dict[str, list[str]] | None = None) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid, extra or {})
