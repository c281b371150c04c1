"""What the shell makes of a word: variables, command substitution, arithmetic, splitting into fields, file names."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from shallowdive.embedded.programs.files import Files, Folder
from shallowdive.embedded.programs.process import Wait
from shallowdive.embedded.programs.tree import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from shallowdive.embedded.programs.shell import Shell

GLOB = re.compile(r"[*?\[]")
Expansion = Generator[Wait, bool, "list[Piece]"]


class Piece:
    """Some text of a word: quoted text is neither split nor a pattern. `ends` marks the end of a field, as in "$@"."""

    __slots__ = ("ends", "quoted", "text")

    def __init__(self, text: str, quoted: bool, ends: bool = False) -> None:
        self.text, self.quoted, self.ends = text, quoted, ends


class Problem(Exception):
    """The expansion failed, as `${name:?message}` does."""


def fields(shell: Shell, words: tuple[Word, ...]) -> Generator[Wait, bool, list[str]]:
    """Everything a command is given: split, and with file names in the place of patterns."""
    found: list[str] = []
    for word in words:
        if len(word) == 1 and isinstance(word[0], Literal) and (word[0].quoted or not GLOB.search(word[0].text)):
            found.append(_home(shell, word[0].text) if not word[0].quoted else word[0].text)
            continue
        pieces = yield from _pieces(shell, word)
        for field in _split(pieces, shell.get("IFS", " \t\n")):
            found += _names(shell, field)
    return found


def text(shell: Shell, word: Word) -> Generator[Wait, bool, str]:
    """One string, not split: an assignment, a redirection, the word of `case`."""
    pieces = yield from _pieces(shell, word)
    joined = "".join(p.text + (" " if p.ends else "") for p in pieces)
    return _home(shell, joined) if pieces and not pieces[0].quoted else joined


def pattern(shell: Shell, word: Word) -> Generator[Wait, bool, str]:
    """A pattern in which quoted text stands for itself."""
    pieces = yield from _pieces(shell, word)
    return "".join(_literal(p.text) if p.quoted else p.text for p in pieces)


def matches(value: str, shape: str) -> bool:
    return re.fullmatch(_regex(shape), value) is not None


def _regex(shape: str) -> str:
    return re.sub(r"\\[Zz]$", "", fnmatch.translate(shape))


def _literal(value: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", value)


def _home(shell: Shell, value: str) -> str:
    return shell.get("HOME", "/") + value[1:] if value == "~" or value.startswith("~/") else value


def _pieces(shell: Shell, word: Word) -> Expansion:
    found: list[Piece] = []
    for part in word:
        found += yield from _expand(shell, part)
    return found


def _expand(shell: Shell, part: Part) -> Expansion:
    if isinstance(part, Literal):
        return [Piece(part.text, part.quoted)] if part.quoted or part.text else []
    if isinstance(part, Substitution):
        output = yield from shell.output_of(part.body)
        return [Piece(output, part.quoted)]
    if isinstance(part, Arithmetic):
        expression = yield from text(shell, part.word)
        return [Piece(str(calculate(shell, expression)), part.quoted)]
    return (yield from _parameter(shell, part))


def _parameter(shell: Shell, part: Parameter) -> Expansion:
    if part.name in "@*" and not part.operator:
        if part.quoted and part.name == "*":
            return [Piece(shell.get("IFS", " ")[:1].join(shell.arguments), True)]
        return [Piece(a, part.quoted, ends=i < len(shell.arguments) - 1) for i, a in enumerate(shell.arguments)]
    value = shell.value(part.name)
    operator, word = part.operator, part.word or ()
    if operator == "length":
        return [Piece(str(len(value or "")), part.quoted)]
    if operator.strip(":") in ("-", "=", "?", "+") and operator != ":":
        return (yield from _default(shell, part, value, word))
    if value is None and shell.options.get("u") and not operator:
        raise Problem(f"{part.name}: parameter not set")
    value = value or ""
    if operator:
        value = yield from _edited(shell, operator, value, word)
    return [Piece(value, part.quoted)]


def _default(shell: Shell, part: Parameter, value: str | None, word: Word) -> Expansion:
    missing = not value if part.operator.startswith(":") else value is None
    kind = part.operator[-1]
    if kind == "+":
        return [] if missing else (yield from _pieces(shell, word))
    if not missing:
        return [Piece(value or "", part.quoted)]
    if kind == "-":
        return (yield from _pieces(shell, word))
    filled = yield from text(shell, word)
    if kind == "?":
        raise Problem(f"{part.name}: {filled or 'parameter not set or null'}")
    shell.set(part.name, filled)
    return [Piece(filled, part.quoted)]


def _edited(shell: Shell, operator: str, value: str, word: Word) -> Generator[Wait, bool, str]:
    """`#` and `%` cut off a beginning or an end, `/` replaces, `:` takes a part."""
    shape = yield from pattern(shell, word)
    if operator in ("#", "##"):
        ends = range(len(value) + 1) if operator == "#" else range(len(value), -1, -1)
        return next((value[i:] for i in ends if matches(value[:i], shape)), value)
    if operator in ("%", "%%"):
        starts = range(len(value), -1, -1) if operator == "%" else range(len(value) + 1)
        return next((value[:i] for i in starts if matches(value[i:], shape)), value)
    if operator in ("/", "//"):
        old, _, new = shape.partition("/")
        return re.sub(_regex(old), lambda _: new, value, count=1 if operator == "/" else 0)
    first, _, length = shape.partition(":")
    start = calculate(shell, first)
    start = max(len(value) + start, 0) if start < 0 else start
    return value[start : start + calculate(shell, length)] if length else value[start:]


def _split(pieces: list[Piece], separators: str) -> list[list[Piece]]:
    """Fields: unquoted results are cut at white space."""
    result: list[list[Piece]] = []
    current: list[Piece] | None = None
    for piece in pieces:
        if piece.quoted:
            current = [*(current or []), piece]
        else:
            bits = re.split(f"[{re.escape(separators)}]+", piece.text) if separators else [piece.text]
            for i, bit in enumerate(bits):
                if i and current is not None:
                    result.append(current)
                    current = None
                if bit:
                    current = [*(current or []), Piece(bit, False)]
        if piece.ends and current is not None:
            result.append(current)
            current = None
    return result if current is None else [*result, current]


def _names(shell: Shell, field: list[Piece]) -> list[str]:
    plain = "".join(p.text for p in field)
    if not any(GLOB.search(p.text) for p in field if not p.quoted):
        return [_home(shell, plain) if not field[0].quoted else plain]
    shape = "".join(_literal(p.text) if p.quoted else p.text for p in field)
    return glob(shell.process.container.files, shell.process.cwd, shape) or [plain]


def glob(files: Files, cwd: str, shape: str) -> list[str]:
    """Names of files that match, sorted; hidden ones only when asked for."""
    start = "/" if shape.startswith("/") else ""
    found = [start]
    for part in [p for p in shape.split("/") if p]:
        longer = []
        for base in found:
            if not GLOB.search(part):
                name = base + part
                longer += [name + "/"] if files.exists(name, cwd) else []
                continue
            if not files.exists(base or ".", cwd):
                continue
            folder = files.find(base or ".", cwd)
            if isinstance(folder, Folder):
                names = [n for n in sorted(folder.listing()) if matches(n, part) and (part[0] == "." or n[0] != ".")]
                longer += [f"{base}{name}/" for name in names]
        found = longer
    return [name.rstrip("/") for name in found]


# arithmetic

TOKEN = re.compile(r"\s*(\d+|0[xX][0-9a-fA-F]+|[A-Za-z_]\w*|<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|\+\+|--|[-+*/%()<>!~&|^=?:])")
LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"||": lambda a, b: int(bool(a or b))},
    {"&&": lambda a, b: int(bool(a and b))},
    {"|": lambda a, b: a | b},
    {"^": lambda a, b: a ^ b},
    {"&": lambda a, b: a & b},
    {"==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b)},
    {"<": lambda a, b: int(a < b), ">": lambda a, b: int(a > b), "<=": lambda a, b: int(a <= b), ">=": lambda a, b: int(a >= b)},
    {"<<": lambda a, b: a << b, ">>": lambda a, b: a >> b},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: _divide(a, b), "%": lambda a, b: a - b * _divide(a, b)},
)


def calculate(shell: Shell, expression: str) -> int:
    """Raises Problem."""
    tokens = TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s", "", expression):
        raise Problem("arithmetic syntax error")
    return _Sum(shell, tokens).all() if tokens else 0


def _divide(a: int, b: int) -> int:
    if not b:
        raise Problem("divide by zero")
    return int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


class _Sum:
    def __init__(self, shell: Shell, tokens: list[str]) -> None:
        self._shell, self._tokens = shell, tokens

    def _next(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def all(self) -> int:
        value = self._assignment()
        if self._tokens:
            raise Problem("arithmetic syntax error")
        return value

    def _assignment(self) -> int:
        if (
            len(self._tokens) > 1
            and self._tokens[1] in ("=", "+=", "-=", "*=", "/=")
            and self._tokens[0][0].isalpha() | (self._tokens[0][0] == "_")
        ):
            name, operator = self._tokens.pop(0), self._tokens.pop(0)
            value = self._assignment()
            if operator != "=":
                value = next(level for level in LEVELS if operator[0] in level)[operator[0]](self._number(name), value)
            self._shell.set(name, str(value))
            return value
        value = self._level(0)
        if self._next() == "?":
            self._tokens.pop(0)
            yes = self._assignment()
            if self._next() != ":":
                raise Problem("arithmetic syntax error")
            self._tokens.pop(0)
            no = self._assignment()
            return yes if value else no
        return value

    def _level(self, number: int) -> int:
        if number == len(LEVELS):
            return self._unary()
        value = self._level(number + 1)
        while self._next() in LEVELS[number]:
            operator = LEVELS[number][self._tokens.pop(0)]
            value = operator(value, self._level(number + 1))
        return value

    def _unary(self) -> int:
        token = self._tokens.pop(0) if self._tokens else ""
        if token == "(":
            value = self._assignment()
            if self._next() != ")":
                raise Problem("arithmetic syntax error")
            self._tokens.pop(0)
            return value
        if token in ("-", "+", "!", "~"):
            value = self._unary()
            return {"-": -value, "+": value, "!": int(not value), "~": ~value}[token]
        if token in ("++", "--"):
            return self._step(self._tokens.pop(0), 1 if token == "++" else -1)
        if token and (token[0].isalpha() or token[0] == "_"):
            value = self._number(token)
            if self._next() in ("++", "--"):
                self._step(token, 1 if self._tokens.pop(0) == "++" else -1)
            return value
        if not token or not token[0].isdigit():
            raise Problem("arithmetic syntax error")
        return int(token, 16 if token[:2] in ("0x", "0X") else 8 if len(token) > 1 and token[0] == "0" else 10)

    def _step(self, name: str, by: int) -> int:
        value = self._number(name) + by
        self._shell.set(name, str(value))
        return value

    def _number(self, name: str) -> int:
        value = (self._shell.value(name) or "0").strip()
        return int(value) if re.fullmatch(r"[-+]?\d+", value) else 0
