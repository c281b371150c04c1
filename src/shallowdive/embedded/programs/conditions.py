"""`test` and `[`: whether something holds of files, strings and numbers."""

from __future__ import annotations

from shallowdive.embedded.programs.files import Device, File, Folder, Link, Live
from shallowdive.embedded.programs.process import Process

NUMBERS = ("-eq", "-ne", "-lt", "-le", "-gt", "-ge")
FILES = {"-e", "-f", "-d", "-s", "-r", "-w", "-x", "-L", "-h", "-c"}


class BadTest(Exception):
    """What was asked makes no sense; the message is busybox's."""


def holds(words: list[str], process: Process) -> bool:
    """Raises BadTest."""
    question = _Question(words, process)
    value = question.either() if words else False
    if question.words:
        raise BadTest(f"{question.words[0]}: unknown operand")
    return value


class _Question:
    def __init__(self, words: list[str], process: Process) -> None:
        self.words, self._process = list(words), process

    def either(self) -> bool:
        value = self._both()
        while self.words[:1] == ["-o"]:
            self.words.pop(0)
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._one()
        while self.words[:1] == ["-a"]:
            self.words.pop(0)
            value = self._one() and value
        return value

    def _one(self) -> bool:
        words = self.words
        if len(words) >= 3 and words[1] in ("=", "==", "!=", "<", ">", *NUMBERS):
            left, operator, right = words[:3]
            del words[:3]
            return self._compare(left, operator, right)
        if words[:1] == ["!"] and len(words) > 1:
            words.pop(0)
            return not self._one()
        if words[:1] == ["("] and ")" in words:
            words.pop(0)
            value = self.either()
            words.pop(0)
            return value
        if len(words) >= 2 and words[0] in FILES | {"-n", "-z", "-t"}:
            operator, operand = words[:2]
            del words[:2]
            if operator in ("-n", "-z"):
                return bool(operand) == (operator == "-n")
            return self._process.terminal if operator == "-t" else self._file(operator, operand)
        if not words:
            raise BadTest("argument expected")
        return bool(words.pop(0))

    def _compare(self, left: str, operator: str, right: str) -> bool:
        if operator in NUMBERS:
            for word in (left, right):
                if not word.strip().lstrip("+-").isdigit():
                    raise BadTest(f"bad number: {word}" if word else "bad number")
            a, b = int(left), int(right)
            return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]
        return {"=": left == right, "==": left == right, "!=": left != right, "<": left < right, ">": left > right}[operator]

    def _file(self, operator: str, path: str) -> bool:
        files = self._process.container.files
        try:
            node = files.find(path, self._process.cwd, follow=operator not in ("-L", "-h"))
        except OSError:
            return False
        kinds: dict[str, tuple[type, ...]] = {"-f": (File, Live), "-d": (Folder,), "-L": (Link,), "-h": (Link,), "-c": (Device,)}
        if operator in kinds:
            return isinstance(node, kinds[operator])
        if operator == "-s":
            return isinstance(node, Folder) or (isinstance(node, (File, Live)) and bool(files.read(path, self._process.cwd)))
        return isinstance(node, Folder) or (isinstance(node, File) and node.program is not None) if operator == "-x" else True
