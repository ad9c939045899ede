"""Where each key of a TOML text stands.

`tomllib` gives values without places. This scanner gives places without values: it walks over a text that
`tomllib` has accepted and notes the line of every key, table and array element. It reads only as much of a
value as is needed to find its end; being fed valid TOML is what lets it be this small.

A place is found by its key path: ``("models", 0, "routes", 1, "provider")``, lists by index from 0.
"""

from __future__ import annotations

import tomllib

KeyPath = tuple[str | int, ...]

_BARE_END = " \t.=]\n\r#,}"
_SCALAR_END = ",]}#\n\r"


def scan(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table and array element in ``text``, which must be valid TOML."""
    return _Scanner(text.replace("\r\n", "\n")).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}
        """How many elements each array of tables has so far."""

    def run(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank(newlines=True):
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._peek() == "[":
                table = self._header(1)
            else:
                self._pair(table)
        return self._lines

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _advance(self, count: int = 1) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _skip_blank(self, *, newlines: bool) -> bool:
        """Skip spaces and, with ``newlines``, ends of lines and comments. False at the end of the text."""
        blank = " \t\r\n" if newlines else " \t"
        while self._at < len(self._text):
            if self._peek() in blank:
                self._advance()
            elif newlines and self._peek() == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                return True
        return False

    def _header(self, brackets: int) -> KeyPath:
        line = self._line
        self._advance(brackets)
        parts = self._key()
        self._advance(brackets)
        path: KeyPath = ()
        for number, part in enumerate(parts, 1):
            path = (*path, part)
            last = number == len(parts)
            if last and brackets == 2:
                self._lines.setdefault(path, line)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
            self._lines.setdefault(path, line)
        return path

    def _key(self) -> list[str]:
        """The parts of a dotted key; the position is then behind it and the spaces that follow."""
        parts = []
        while True:
            self._skip_blank(newlines=False)
            if self._peek() in "\"'":
                parts.append(self._quoted())
            else:
                start = self._at
                while self._peek() not in _BARE_END:
                    self._at += 1
                parts.append(self._text[start : self._at])
            self._skip_blank(newlines=False)
            if self._peek() != ".":
                return parts
            self._advance()

    def _pair(self, table: KeyPath) -> None:
        line = self._line
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._advance()  # the equals sign
        self._skip_blank(newlines=False)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        match self._peek():
            case '"' | "'":
                self._skip_string()
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                while self._at < len(self._text) and self._peek() not in _SCALAR_END:
                    self._at += 1

    def _array(self, path: KeyPath) -> None:
        self._advance()
        index = 0
        while self._skip_blank(newlines=True) and self._peek() != "]":
            if self._peek() == ",":
                self._advance()
                continue
            self._lines[*path, index] = self._line
            self._value((*path, index))
            index += 1
        self._advance()

    def _inline_table(self, path: KeyPath) -> None:
        self._advance()
        while self._skip_blank(newlines=True) and self._peek() != "}":
            if self._peek() == ",":
                self._advance()
                continue
            self._pair(path)
        self._advance()

    def _skip_string(self) -> None:
        """Step over a string of any of the four kinds."""
        quote = self._peek()
        fence = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        end = self._at + len(fence)
        while not self._text.startswith(fence, end):
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        end += len(fence)
        # A multi-line string may end in one or two quotes of its own before the fence.
        while len(fence) == 3 and self._text.startswith(quote, end):
            end += 1
        self._advance(end - self._at)

    def _quoted(self) -> str:
        start = self._at
        self._skip_string()
        return tomllib.loads(f"v = {self._text[start : self._at]}")["v"]
