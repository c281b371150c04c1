"""A certificate for the API server's address on this machine, signed by itself, new at every start.

Not for secrecy, nothing leaves the machine: kubectl sends a token over https only. Only loopback trusts it, by the kubeconfig's copy.
Left out: everything that a key kept for longer would need (constant time, a store). NIST P-256, SEC 1, RFC 5280."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
import tempfile
from datetime import UTC, datetime, timedelta

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
Point = tuple[int, int] | None
"""A point of the curve; None is the point at infinity."""

EC_KEY, CURVE, ECDSA_SHA256 = "2a8648ce3d0201", "2a8648ce3d030107", "2a8648ce3d040302"
COMMON_NAME, SERVER_AUTH = "550403", "2b06010505070301"
BASIC, USAGE, SUBJECT_KEY, ISSUER_KEY, ADDRESSES, PURPOSE = "551d13", "551d0f", "551d0e", "551d23", "551d11", "551d25"
DAYS = 365


def server_context() -> tuple[ssl.SSLContext, str]:
    """What the server listens with, and its certificate as PEM for the kubeconfig."""
    certificate, key = make()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # only a file can be loaded
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context, certificate


def make() -> tuple[str, str]:
    """Certificate and private key, both PEM."""
    secret = 1 + secrets.randbelow(N - 1)
    public = multiply(secret, G)
    assert public is not None
    point = b"\x04" + _bytes(public[0]) + _bytes(public[1])
    body = _certificate_body(point)
    signed = _sequence(body, _sequence(_oid(ECDSA_SHA256)), _bits(sign(secret, body)))
    key = _sequence(_integer(1), _der(0x04, _bytes(secret)), _der(0xA0, _oid(CURVE)), _der(0xA1, _bits(point)))
    return _pem("CERTIFICATE", signed), _pem("EC PRIVATE KEY", key)


def add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(times: int, point: Point) -> Point:
    total: Point = None
    while times:
        if times & 1:
            total = add(total, point)
        point, times = add(point, point), times >> 1
    return total


def sign(secret: int, message: bytes) -> bytes:
    """ECDSA over SHA-256."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    once = 1 + secrets.randbelow(N - 1)
    at = multiply(once, G)
    assert at is not None
    r = at[0] % N
    return _sequence(_integer(r), _integer(pow(once, -1, N) * (digest + r * secret) % N))


def _certificate_body(point: bytes) -> bytes:
    now = datetime.now(UTC)
    name = _sequence(_der(0x31, _sequence(_oid(COMMON_NAME), _der(0x0C, b"shallowdive embedded"))))
    since, until = (_der(0x17, when.strftime("%y%m%d%H%M%SZ").encode()) for when in (now - timedelta(days=1), now + timedelta(days=DAYS)))
    public = _sequence(_sequence(_oid(EC_KEY), _oid(CURVE)), _bits(point))
    identity = hashlib.sha1(point, usedforsecurity=False).digest()
    addresses = _der(0x82, b"localhost") + _der(0x87, bytes([127, 0, 0, 1])) + _der(0x87, bytes(15) + b"\x01")
    extensions = _sequence(
        _extension(BASIC, _sequence(_der(0x01, b"\xff")), critical=True),
        _extension(USAGE, _der(0x03, b"\x02\x84"), critical=True),  # digitalSignature, keyCertSign
        _extension(SUBJECT_KEY, _der(0x04, identity)),
        _extension(ISSUER_KEY, _sequence(_der(0x80, identity))),
        _extension(PURPOSE, _sequence(_oid(SERVER_AUTH))),
        _extension(ADDRESSES, _der(0x30, addresses)),
    )
    serial = _integer(secrets.randbits(120))
    version = _der(0xA0, _integer(2))
    return _sequence(version, serial, _sequence(_oid(ECDSA_SHA256)), name, _sequence(since, until), name, public, _der(0xA3, extensions))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), _der(0x01, b"\xff") if critical else b"", _der(0x04, value))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    count = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 128 else bytes([0x80 | count]) + size.to_bytes(count, "big")
    return bytes([tag]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _der(0x03, b"\x00" + content)


def _oid(encoded: str) -> bytes:
    return _der(0x06, bytes.fromhex(encoded))


def _bytes(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _pem(name: str, der: bytes) -> str:
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----\n"
