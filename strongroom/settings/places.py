"""Where in a TOML document each key stands.

`tomllib` gives values without lines, so this walks the text once more. It only reads documents that tomllib has already
accepted, which is why it recognises structure and checks nothing.
"""

import re
import tomllib

KeyPath = tuple[str | int, ...]
Places = dict[KeyPath, int]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2}(?!"))'
    r"|'''.*?'''(?:'{0,2}(?!'))"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)


def locate(text: str) -> Places:
    """Return the line, counted from 1, of every key, table header and array element of a valid document."""
    return _Walk(text).places()


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: Places = {}
        self._lengths: dict[KeyPath, int] = {}

    def places(self) -> Places:
        table: KeyPath = ()
        while self._skip_blank():
            if self._take("[["):
                table = self._next_element(self._header("]]"))
            elif self._take("["):
                table = self._header("]")
                self._note(table)
            else:
                self._pair(table)
        return self._found

    def _header(self, closing: str) -> KeyPath:
        path: KeyPath = ()
        for part in self._dotted_key():
            # `[a.b]` below `[[a]]` belongs to the last element of `a`.
            if path in self._lengths:
                path += (self._lengths[path] - 1,)
            path += (part,)
        self._take(closing)
        return path

    def _next_element(self, array: KeyPath) -> KeyPath:
        index = self._lengths.get(array, 0)
        self._lengths[array] = index + 1
        self._note((*array, index))
        return (*array, index)

    def _pair(self, table: KeyPath) -> None:
        path = (*table, *self._dotted_key())
        self._note(path)
        self._take("=")
        self._skip_blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
        elif self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif scalar := _SCALAR.match(self._text, self._at):
            self._at = scalar.end()

    def _array(self, path: KeyPath) -> None:
        index = 0
        while self._skip_blank() and not self._take("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._skip_blank()
            self._take(",")

    def _inline_table(self, path: KeyPath) -> None:
        while self._skip_blank() and not self._take("}"):
            self._pair(path)
            self._skip_blank()
            self._take(",")

    def _dotted_key(self) -> list[str]:
        parts = [self._key()]
        while self._take("."):
            parts.append(self._key())
        return parts

    def _key(self) -> str:
        self._skip_blank()
        token = _BARE_KEY.match(self._text, self._at) or _STRING.match(self._text, self._at)
        if token is None:
            raise ValueError(f"no key at offset {self._at} of the document")
        self._at = token.end()
        self._skip_blank()
        return _unquote(token.group())

    def _note(self, path: KeyPath) -> None:
        line = self._text.count("\n", 0, self._at) + 1
        for length in range(1, len(path)):
            self._found.setdefault(path[:length], line)
        self._found[path] = line

    def _skip_blank(self) -> bool:
        """Pass white space and comments; say whether anything follows."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at < len(self._text)

    def _take(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) if found else 0
        return found


def _unquote(token: str) -> str:
    if token[0] not in "\"'":
        return token
    key: str = tomllib.loads(f"key = {token}")["key"]
    return key
