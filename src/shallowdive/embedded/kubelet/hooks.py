"""Lifecycle hooks: what is run in a container after its start and before its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.kubelet.probes import http_request, port_of
from shallowdive.embedded.network import Answer
from shallowdive.embedded.programs.container import NotExecutable
from shallowdive.embedded.request import Response

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet.container import ContainerLife


def run_hook(life: ContainerLife, hook: dict[str, Any], done: Callable[[bool], None]) -> None:
    """Run it and say whether it went well."""
    run = life.run
    assert run is not None
    if hook.get("sleep"):
        life.pod.clock.after(hook["sleep"]["seconds"], lambda: done(True))
    elif hook.get("exec"):
        try:
            process = run.spawn(list(hook["exec"]["command"]), parent=0)
        except NotExecutable:
            done(False)
            return
        process.ended.then(lambda: done(process.code == 0))
        process.start()
    elif hook.get("httpGet"):
        where = hook["httpGet"]

        def heard(answer: Answer) -> None:
            done(isinstance(answer, Response) and 200 <= answer.code < 400)

        run.sandbox.network.send(where.get("host") or run.sandbox.ip, port_of(life, where["port"]), http_request(where), heard)
    else:
        done(True)
