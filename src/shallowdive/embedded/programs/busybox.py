"""busybox: the few tools of a container's shell."""

from __future__ import annotations

from shallowdive.embedded.programs.process import Process, Program, Run, Wait


def true(process: Process) -> Run:
    return 0
    yield


def false(process: Process) -> Run:
    return 1
    yield


def sleep(process: Process) -> Run:
    yield Wait(seconds=float(process.argv[1]))
    return 0


APPLETS: dict[str, Program] = {"true": true, "false": false, "sleep": sleep}
