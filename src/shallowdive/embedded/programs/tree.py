"""The shell's tree: what a script is made of. Pure data; `syntax` makes it, `shell` walks it."""

from __future__ import annotations

from dataclasses import dataclass

# words


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name`, `${name}`, `${name:-word}` and the other operators."""

    name: str
    quoted: bool
    operator: str = ""
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)`."""

    body: Sequence
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$((…))`."""

    word: Word
    quoted: bool


Part = Literal | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]


# commands


@dataclass(slots=True)
class Heredoc:
    """The text of `<<`, once its lines were read."""

    word: Word = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """`descriptor` is the one changed."""

    descriptor: int
    operator: str
    target: Word | Heredoc


@dataclass(frozen=True, slots=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }`, or with `apart` a subshell."""

    body: Sequence
    apart: bool = False


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True)
class While:
    condition: Sequence
    body: Sequence
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True, slots=True)
class Case:
    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence], ...]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Redirected:
    command: Command
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Chains of pipelines joined by && and ||; each chain may run in the background."""

    chains: tuple[tuple[tuple[tuple[str, Pipeline], ...], bool], ...]


Command = Simple | Group | If | While | For | Case | Function | Redirected
