"""Every error a person can meet, in one tree: what failed, what was seen, what to type next, a stable code.

ShallowDiveError
├── MachineError            exit 3   this machine cannot run a cluster as it is
│   ├── EngineMissing       SD-E01   no docker command
│   ├── EngineStopped       SD-E02   the engine does not answer
│   ├── EnginePermission    SD-E03   the socket is closed to this user
│   ├── EngineTooSmall      SD-E04   memory or disk of the engine
│   └── ToolMissing         SD-E05   kind or kubectl cannot be had
├── ClusterError            exit 4
│   ├── NoCluster           SD-C01   there is none; `up` makes one
│   ├── CreateFailed        SD-C02   kind could not create it
│   ├── Unhealthy           SD-C03   it exists and does not work
│   ├── NotOurs             SD-C04   safety: it is not the course's own
│   ├── PortTaken           SD-C05   a host port is busy
│   └── Busy                SD-C06   another `up` or `down` is at work
├── WaitTimeout             SD-W01   exit 5: a wait reached its limit
├── ProgramFailed           SD-P01   exit 6: a program failed or took too long
└── LabError                exit 2
    ├── UnknownLab          SD-L01
    ├── NotYet              SD-L02   an earlier step (a prediction, an answer) is missing
    ├── YourTurn            SD-L03   a cell that the learner has to write
    ├── BadAnswer           SD-L04
    ├── NameUnknown         SD-L05   a cell uses what no cell has made yet
    ├── ApiRefused          SD-L06   the API server said no
    ├── LineFailed          SD-L07   a line of a cell did not find what it looks for
    ├── Stopped             SD-L08   somebody stopped the cell
    └── CheckFailed         SD-K01   exit 1: the work is not right yet

A notebook shows `str(error)` and no traceback; a traceback is for bugs only."""

from __future__ import annotations


class ShallowDiveError(Exception):
    """`what` failed, what was `saw`, what to do next (`try_this`)."""

    code = "SD-X00"
    exit_code = 1

    def __init__(self, what: str, *, saw: str = "", try_this: str = "") -> None:
        super().__init__(what)
        self.what, self.saw, self.try_this = what, saw, try_this

    def __str__(self) -> str:
        lines = [f"{self.what} [{self.code}]"]
        if self.saw:
            lines.append(f"  seen: {self.saw}")
        if self.try_this:
            lines.append(f"  next: {self.try_this}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this instead of formatting a traceback."""
        return str(self).splitlines()


class MachineError(ShallowDiveError):
    exit_code = 3


class EngineMissing(MachineError):
    code = "SD-E01"


class EngineStopped(MachineError):
    code = "SD-E02"


class EnginePermission(MachineError):
    code = "SD-E03"


class EngineTooSmall(MachineError):
    code = "SD-E04"


class ToolMissing(MachineError):
    code = "SD-E05"


class ClusterError(ShallowDiveError):
    exit_code = 4


class NoCluster(ClusterError):
    code = "SD-C01"


class CreateFailed(ClusterError):
    code = "SD-C02"


class Unhealthy(ClusterError):
    code = "SD-C03"


class NotOurs(ClusterError):
    code = "SD-C04"


class PortTaken(ClusterError):
    code = "SD-C05"


class Busy(ClusterError):
    code = "SD-C06"


class WaitTimeout(ShallowDiveError):
    code = "SD-W01"
    exit_code = 5


class ProgramFailed(ShallowDiveError):
    """A program ended badly or reached its time limit; `stdout` and `stderr` hold what it said."""

    code = "SD-P01"
    exit_code = 6

    def __init__(self, what: str, *, saw: str = "", try_this: str = "", stdout: str = "", stderr: str = "") -> None:
        super().__init__(what, saw=saw, try_this=try_this)
        self.stdout, self.stderr = stdout, stderr


class LabError(ShallowDiveError):
    exit_code = 2


class UnknownLab(LabError):
    code = "SD-L01"


class NotYet(LabError):
    code = "SD-L02"


class YourTurn(LabError):
    code = "SD-L03"


class BadAnswer(LabError):
    code = "SD-L04"


class NameUnknown(LabError):
    code = "SD-L05"


class ApiRefused(LabError):
    code = "SD-L06"


class LineFailed(LabError):
    code = "SD-L07"


class Stopped(LabError):
    code = "SD-L08"


class CheckFailed(LabError):
    """Some criteria are not met; each is three lines: what was wanted, what is there, where to look."""

    code = "SD-K01"
    exit_code = 1
