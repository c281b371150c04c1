"""`python -m shallowdive.embedded`: run the embedded cluster in this process until SIGTERM or SIGINT.

Its kubeconfig appears, complete, when it answers. Everything it holds is in memory and ends with it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import secrets
import signal
import sys
from base64 import b64encode
from pathlib import Path

from shallowdive.embedded import certificate
from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import VERSION
from shallowdive.embedded.server import Server

TOKEN_VARIABLE = "SHALLOWDIVE_EMBEDDED_TOKEN"


def main() -> int:
    args = parser().parse_args()
    logging.basicConfig(filename=args.log or None, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(args))
    except OSError as exc:
        print(f"the embedded cluster cannot start: {exc}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m shallowdive.embedded", description="An embedded Kubernetes, in memory, on loopback.")
    top.add_argument("--kubeconfig", type=Path, required=True, help="file to write when it answers")
    top.add_argument("--port", type=int, default=0, help="of the API server (0: any)")
    top.add_argument("--entrance-port", type=int, default=0, help="of the Ingress entrance (0: any)")
    top.add_argument("--speed", type=float, default=1.0, help="cluster seconds in a second (default 1)")
    top.add_argument("--workers", type=int, default=2, help="worker nodes, of 110 pods each (default 2)")
    top.add_argument("--seed", type=int, help="makes names, choices and delays repeat")
    top.add_argument("--name", default="shallowdive", help="of the cluster and its nodes")
    top.add_argument("--token", default=os.environ.get(TOKEN_VARIABLE, ""), help=f"of its owner (default: ${TOKEN_VARIABLE}, else drawn)")
    top.add_argument("--log", help="file for what goes wrong (default: stderr)")
    top.add_argument("--pid", type=Path, help="file for the process id and the ports")
    top.add_argument(
        "--while-stdin", action="store_true", help="end when standard input closes: with whoever started it, however that dies"
    )
    return top


async def serve(args: argparse.Namespace) -> None:
    token = args.token or secrets.token_urlsafe(24)
    tls, certificate_pem = certificate.server_context()
    cluster = Cluster(
        Settings(seed=args.seed, speed=args.speed, workers=args.workers, name=args.name, token=token, certificate=certificate_pem)
    )
    server = Server(cluster)
    port, entrance = await server.listen(args.port, args.entrance_port, tls)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)  # the store only grows; the default looks through all of it far too often
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if args.while_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else stop.set())
    if args.pid:
        write(args.pid, json.dumps({"pid": os.getpid(), "port": port, "entrance_port": entrance}))
    write(args.kubeconfig, kubeconfig(args.name, port, token, certificate_pem))
    print(
        f"embedded cluster {args.name}, Kubernetes {VERSION}, speed {args.speed:g}: https://127.0.0.1:{port},"
        f" entrance http://127.0.0.1:{entrance}, kubeconfig {args.kubeconfig}",
        flush=True,
    )
    await stop.wait()
    await server.close()


def kubeconfig(name: str, port: int, token: str, certificate_pem: str) -> str:
    """One context, `embedded-NAME`. JSON, which is YAML."""
    entry = f"embedded-{name}"
    where = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": b64encode(certificate_pem.encode()).decode()}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": entry,
            "clusters": [{"name": entry, "cluster": where}],
            "users": [{"name": entry, "user": {"token": token}}],
            "contexts": [{"name": entry, "context": {"cluster": entry, "user": entry}}],
        },
        indent=1,
    )


def write(file: Path, text: str) -> None:
    """All of it or nothing, for its owner only."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    part.replace(file)


if __name__ == "__main__":
    sys.exit(main())
