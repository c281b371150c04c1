"""What a container finds in its files: the image's, its volumes, and what the kubelet and the kernel put there (/etc, /proc)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shallowdive.embedded.kubelet.images import Image
from shallowdive.embedded.kubelet.volumes import mount
from shallowdive.embedded.network import DNS_ADDRESS, DOMAIN
from shallowdive.embedded.programs.files import File, Files, Folder
from shallowdive.embedded.programs.proc import proc

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet.container import ContainerLife
    from shallowdive.embedded.kubelet.pod import PodLife

HOSTS = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def build(pod: PodLife, life: ContainerLife, image: Image) -> Files:
    now = pod.clock.now()
    sandbox = pod.sandbox
    assert sandbox is not None
    root = image.root(now)
    files = Files(root, pod.clock.now)
    etc = root.entries["etc"]
    assert isinstance(etc, Folder)
    etc.entries |= {
        "hostname": File(f"{sandbox.hostname}\n".encode(), changed=now),
        "resolv.conf": File(_resolver(sandbox.namespace).encode(), changed=now),
        "hosts": pod.hosts_file(),
    }
    root.entries["proc"] = proc(lambda: life.run)
    mount(files, pod.volumes, life.spec.get("volumeMounts") or [], pod.ips)
    return files


def hosts(ip: str, names: list[str], aliases: list[tuple[str, list[str]]]) -> str:
    text = HOSTS + f"{ip}\t{chr(9).join(names)}\n"
    if aliases:
        text += "\n# Entries added by HostAliases.\n" + "".join(f"{ip}\t{chr(9).join(names)}\n" for ip, names in aliases)
    return text


def _resolver(namespace: str) -> str:
    return f"search {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\nnameserver {DNS_ADDRESS}\noptions ndots:5\n"
