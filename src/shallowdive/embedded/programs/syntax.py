"""The shell's grammar: text becomes a tree. What the tree means is `shell`'s; what a word becomes is `words`'.

The whole of the POSIX shell language but aliases, job control and `<<<`."""

from __future__ import annotations

import re

from shallowdive.embedded.programs.tree import (
    Arithmetic,
    Case,
    Command,
    For,
    Function,
    Group,
    Heredoc,
    If,
    Literal,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Simple,
    Substitution,
    While,
    Word,
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
RESERVED = re.compile(r"(if|then|elif|else|fi|while|until|do|done|for|in|case|esac|\{|\}|!)(?=$|[\s;&|()<>])")
OPERATORS = ("&&", "||", ";;", ";", "&", "|", "(", ")", "\n")
REDIRECT = re.compile(r"(\d*)(<<-|<<|>>|<&|>&|<>|>\||&>|<|>)")
PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
BREAKS = " \t\n;&|()<>"
PLAIN = re.compile(r"[^'\"\\$`\s;&|()<>]+")


class BadSyntax(Exception):
    """`syntax error: …`; the message is what follows."""


class Incomplete(BadSyntax):
    """The text ends in the middle of something: more may follow."""


def parse(text: str) -> Sequence:
    """Raises BadSyntax."""
    parser = Parser(text)
    tree = parser.sequence()
    if parser.at < len(text):
        raise BadSyntax(f'unexpected "{parser.show()}"')
    return tree


class Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._heredocs: list[tuple[str, bool, bool, Heredoc]] = []

    # looking

    def _blanks(self, newlines: bool = False) -> None:
        while self.at < len(self.text):
            here = self.text[self.at]
            if here in " \t\r":
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif here == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif here == "\n" and newlines:
                self.at += 1
                self._read_heredocs()
            else:
                return

    def _operator(self) -> str:
        self._blanks()
        return next((o for o in OPERATORS if self.text.startswith(o, self.at)), "")

    def _reserved(self) -> str:
        self._blanks(newlines=True)
        found = RESERVED.match(self.text, self.at)
        return found[1] if found else ""

    def show(self) -> str:
        """What stands here, for an error."""
        self._blanks()
        found = self._operator() or self.text[self.at :].split(maxsplit=1)[0]
        return "newline" if found == "\n" else found

    def _expect(self, word: str) -> None:
        if word == ")":
            self._blanks(newlines=True)
            found = ")" if self.text.startswith(")", self.at) else ""
        else:
            found = self._reserved()
        if found != word:
            self._unexpected(word)
        self.at += len(word)

    def _unexpected(self, expecting: str = "") -> None:
        more = f' (expecting "{expecting}")' if expecting else ""
        if self.at >= len(self.text):
            raise Incomplete(f"unexpected end of file{more}")
        raise BadSyntax(f'unexpected "{self.show()}"{more}')

    # lists

    def sequence(self, *ends: str) -> Sequence:
        chains: list[tuple[tuple[tuple[str, Pipeline], ...], bool]] = []
        while True:
            self._blanks(newlines=True)
            if self.at >= len(self.text) or self._reserved() in ends or self._operator() in (")", ";;"):
                return Sequence(tuple(chains))
            chain = self._chain()
            operator = self._operator()
            if operator in (";", "&", "\n"):
                self.at += 1
                if operator == "\n":
                    self._read_heredocs()
            chains.append((chain, operator == "&"))
            if operator not in (";", "&", "\n"):
                return Sequence(tuple(chains))

    def _body(self, *ends: str) -> Sequence:
        found = self.sequence(*ends)
        if not found.chains:
            self._unexpected(ends[0] if ends else "")
        return found

    def _chain(self) -> tuple[tuple[str, Pipeline], ...]:
        links = [("", self._pipeline())]
        while (operator := self._operator()) in ("&&", "||"):
            self.at += 2
            self._blanks(newlines=True)
            links.append((operator, self._pipeline()))
        return tuple(links)

    def _pipeline(self) -> Pipeline:
        negated = False
        while self._reserved() == "!":
            self.at += 1
            negated = not negated
        commands = [self._command()]
        while self._operator() == "|":
            self.at += 1
            self._blanks(newlines=True)
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    # commands

    def _command(self) -> Command:
        word = self._reserved()
        made: Command | None = None
        if word in ("if", "while", "until", "for", "case", "{"):
            self.at += len(word)
            read = {"if": self._if, "for": self._for, "case": self._case, "{": self._group}.get(word)
            made = read() if read else self._while(word)
        elif word:
            self._unexpected()
        elif self._operator() == "(":
            self.at += 1
            body = self._body()
            self._expect(")")
            made = Group(body, apart=True)
        if made is None:
            return self._simple()
        redirects = self._redirects()
        return Redirected(made, redirects) if redirects else made

    def _group(self) -> Command:
        body = self._body("}")
        self._expect("}")
        return Group(body)

    def _if(self) -> Command:
        branches = []
        while True:
            condition = self._body("then")
            self._expect("then")
            branches.append((condition, self._body("elif", "else", "fi")))
            word = self._reserved()
            self.at += len(word)
            if word == "fi":
                return If(tuple(branches), None)
            if word == "else":
                otherwise = self._body("fi")
                self._expect("fi")
                return If(tuple(branches), otherwise)
            if word != "elif":
                self._unexpected("fi")

    def _while(self, word: str) -> Command:
        condition = self._body("do")
        return While(condition, self._loop_body(), word == "until")

    def _loop_body(self) -> Sequence:
        self._expect("do")
        body = self._body("done")
        self._expect("done")
        return body

    def _for(self) -> Command:
        self._blanks()
        name = NAME.match(self.text, self.at)
        if not name:
            raise BadSyntax("bad for loop variable")
        self.at = name.end()
        words: tuple[Word, ...] | None = None
        if self._reserved() == "in":
            self.at += 2
            found = []
            while self._operator() not in (";", "\n") and self.at < len(self.text):
                found.append(self.word())
            words = tuple(found)
        if self._operator() == ";":
            self.at += 1
        return For(name[0], words, self._loop_body())

    def _case(self) -> Command:
        self._blanks()
        word = self.word()
        self._expect("in")
        branches = []
        while self._reserved() != "esac":
            if self._operator() == "(":
                self.at += 1
            patterns = [self.word()]
            while self._operator() == "|":
                self.at += 1
                self._blanks()
                patterns.append(self.word())
            self._expect(")")
            branches.append((tuple(patterns), self.sequence("esac")))
            if self._operator() == ";;":
                self.at += 2
        self._expect("esac")
        return Case(word, tuple(branches))

    def _simple(self) -> Command:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            redirects += self._redirects()
            if self.at >= len(self.text) or self._operator():
                break
            given = ASSIGNMENT.match(self.text, self.at) if not words else None
            if given:
                self.at = given.end()
                assignments.append((given[1], self.word()))
                continue
            name = NAME.match(self.text, self.at) if not words and not assignments else None
            if name and re.match(r"[ \t]*\([ \t]*\)", self.text[name.end() :]):
                self.at = self.text.index(")", name.end()) + 1
                self._blanks(newlines=True)
                return Function(name[0], self._command())
            words.append(self.word())
        if not (assignments or words or redirects):
            self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while True:
            self._blanks()
            match = REDIRECT.match(self.text, self.at)
            if not match:
                return tuple(found)
            self.at = match.end()
            self._blanks()
            number, operator = match[1], match[2]
            if operator.startswith("<<"):
                found.append(self._heredoc(int(number or 0), operator))
                continue
            target = self.word()
            if operator == "&>":
                found += [Redirect(1, ">", target), Redirect(2, ">&", (Literal("1"),))]
            else:
                found.append(Redirect(int(number or (0 if operator[0] == "<" else 1)), operator, target))

    def _heredoc(self, descriptor: int, operator: str) -> Redirect:
        """Its text begins after the end of this line, and is filled in then."""
        start = self.at
        parts = self.word()
        quoted = any(isinstance(p, Literal) and p.quoted for p in parts) or "\\" in self.text[start : self.at]
        end = "".join(p.text for p in parts if isinstance(p, Literal))
        text = Heredoc()
        self._heredocs.append((end, operator == "<<-", quoted, text))
        return Redirect(descriptor, "<<", text)

    def _read_heredocs(self) -> None:
        for end, tabs, quoted, heredoc in self._heredocs:
            lines: list[str] = []
            while True:
                if self.at >= len(self.text):
                    if not lines or lines[-1].rstrip("\n") != end:
                        raise Incomplete("unterminated here-document")
                    break
                stop = self.text.find("\n", self.at)
                stop = len(self.text) if stop < 0 else stop + 1
                line = self.text[self.at : stop]
                self.at = stop
                line = line.lstrip("\t") if tabs else line
                if line.rstrip("\n") == end:
                    break
                lines.append(line)
            text = "".join(lines)
            heredoc.word = (Literal(text, True),) if quoted else Parser(text).double_quoted(whole=True)
        self._heredocs.clear()

    # words

    def word(self) -> Word:
        self._blanks()
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] not in BREAKS:
            parts += self._part()
        return tuple(parts)

    def _part(self) -> list[Part]:
        here = self.text[self.at]
        if here == "'":
            end = self.text.find("'", self.at + 1)
            if end < 0:
                raise Incomplete("unterminated quoted string")
            text, self.at = self.text[self.at + 1 : end], end + 1
            return [Literal(text, True)]
        if here == '"':
            self.at += 1
            found = self.double_quoted()
            return list(found) or [Literal("", True)]
        if here == "\\":
            self.at += 2
            return [Literal(self.text[self.at - 1 : self.at], True)] if self.text[self.at - 1 : self.at] != "\n" else []
        if here in "$`":
            return [self._dollar(quoted=False)]
        plain = PLAIN.match(self.text, self.at)
        assert plain is not None
        self.at = plain.end()
        return [Literal(plain[0])]

    def double_quoted(self, whole: bool = False) -> Word:
        """Up to the closing quote; with `whole` up to the end of the text (a here-document)."""
        parts: list[Part] = []
        text = ""
        while True:
            if self.at >= len(self.text):
                if not whole:
                    raise Incomplete("unterminated quoted string")
                break
            here = self.text[self.at]
            if here == '"' and not whole:
                self.at += 1
                break
            if here == "\\" and self.at + 1 < len(self.text) and self.text[self.at + 1] in ("$`\\\n" if whole else '$`"\\\n'):
                text += self.text[self.at + 1] if self.text[self.at + 1] != "\n" else ""
                self.at += 2
            elif here in "$`":
                parts += [Literal(text, True)] if text else []
                text = ""
                parts.append(self._dollar(quoted=True))
            else:
                text += here
                self.at += 1
        if text or not parts:
            parts.append(Literal(text, True))
        return tuple(parts)

    def _dollar(self, quoted: bool) -> Part:
        text, at = self.text, self.at
        if text[at] == "`":
            end = at + 1
            while end < len(text) and text[end] != "`":
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise Incomplete("unterminated backquote")
            self.at = end + 1
            return Substitution(parse(re.sub(r"\\([$`\\])", r"\1", text[at + 1 : end])), quoted)
        if text.startswith("$((", at):
            self.at = at + 3
            return self._arithmetic(quoted)
        if text.startswith("$(", at):
            self.at = at + 2
            body = self.sequence()
            self._expect(")")
            return Substitution(body, quoted)
        if text.startswith("${", at):
            self.at = at + 2
            return self._braces(quoted)
        name = PARAMETER.match(text, at + 1)
        if not name or (name[0].isdigit() and len(name[0]) > 1):
            name = re.compile(r"[0-9]").match(text, at + 1)
        if not name:
            self.at += 1
            return Literal("$", quoted)
        self.at = name.end()
        return Parameter(name[0], quoted)

    def _arithmetic(self, quoted: bool) -> Arithmetic:
        depth, start = 0, self.at
        while self.at < len(self.text):
            here = self.text[self.at]
            if here == ")" and not depth and self.text.startswith("))", self.at):
                inner = Parser(self.text[start : self.at])
                self.at += 2
                return Arithmetic(inner.double_quoted(whole=True), quoted)
            depth += (here == "(") - (here == ")")
            self.at += 1
        raise Incomplete("missing '))'")

    def _braces(self, quoted: bool) -> Parameter:
        if self.text.startswith("#", self.at) and not self.text.startswith("#}", self.at):
            self.at += 1
            name = PARAMETER.match(self.text, self.at)
            if name and self.text.startswith("}", name.end()):
                self.at = name.end() + 1
                return Parameter(name[0], quoted, "length")
            raise BadSyntax("bad substitution")
        name = PARAMETER.match(self.text, self.at)
        if not name:
            raise BadSyntax("bad substitution")
        self.at = name.end()
        operator = re.compile(r":[-=?+]|[-=?+]|##|#|%%|%|//|/|:").match(self.text, self.at)
        if operator:
            self.at = operator.end()
        word = self._until_brace(quoted)
        return Parameter(name[0], quoted, operator[0] if operator else "", word)

    def _until_brace(self, quoted: bool) -> Word:
        parts: list[Part] = []
        while True:
            if self.at >= len(self.text):
                raise Incomplete("unterminated ${")
            here = self.text[self.at]
            if here == "}":
                self.at += 1
                return tuple(parts)
            if here in "'\"\\$`" and not (quoted and here == "'"):
                parts += self._part()
            else:
                parts.append(Literal(here, quoted))
                self.at += 1
