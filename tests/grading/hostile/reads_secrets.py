# E12: looks for keys, marks and tokens, and shows them
import os
import pathlib

for where in ("~/.kube/config", "~/.shallowdive", "/root/.kube/config", "/root/.shallowdive/clusters", "/etc/shadow"):
    try:
        p = pathlib.Path(where).expanduser()
        print(where, [str(f) for f in p.iterdir()] if p.is_dir() else p.read_text())
    except OSError as exc:
        print(where, type(exc).__name__)
print({k: v for k, v in os.environ.items() if "KEY" in k or "SECRET" in k})
