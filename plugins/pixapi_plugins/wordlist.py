"""The guard `wordlist`: refuses calls whose text holds a forbidden word or matches a pattern.

Text is what the messages (or the input of embeddings) say, tool calls and their results included; links and
inline files are not looked into. Words are compared without regard to case and to ways of writing the same
letters (Unicode NFKC), and only where they stand alone; in scripts that do not part words by spaces they
are found anywhere. Patterns are Python regular expressions and see the text as it was sent. They run while
other calls wait: one that backtracks without end holds up the gateway.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, Field, model_validator

from pixapi import hookimpl
from pixapi.errors import BadRequest
from pixapi.interfaces import Allow, Call, Deny, Guard, GuardType, Outbound, PluginConfig, Rewrite

PIXAPI_INTERFACE = 1

_FIELDS = ("messages", "input")
_NOT_TEXT = frozenset({"data", "file_data", "id", "role", "signature", "tool_call_id", "type", "url"})
_WITHOUT_SPACES = "\u2e80"
"""From here on, scripts such as Chinese and Japanese, which do not part words by spaces."""


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty word; expected something that can be found in a text")
    return text.strip()


class Config(PluginConfig):
    """Settings of a guard with `use = "wordlist"`."""

    words: list[Annotated[str, AfterValidator(_word)]] = []
    """Words and phrases that are refused."""
    patterns: list[Annotated[str, AfterValidator(_pattern)]] = []
    """Regular expressions that are refused wherever they match."""
    reason: Annotated[str, Field(min_length=1, max_length=500)] = (
        "the request holds words that are not allowed here"
    )
    """What the caller reads. It should not tell which word it was."""

    @model_validator(mode="after")
    def _something(self) -> Config:
        if not self.words and not self.patterns:
            raise ValueError("neither words nor patterns; expected at least one")
        return self


class Wordlist(Guard):
    """Looks for words and patterns."""

    def __init__(self, config: Config) -> None:
        self._deny = Deny(config.reason)
        self._words = re.compile("|".join(map(_alone, config.words))) if config.words else None
        self._patterns = [re.compile(pattern) for pattern in config.patterns]

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        return self._deny if any(map(self._is_forbidden, _texts(call))) else Allow()

    def _is_forbidden(self, text: str) -> bool:
        if self._words is not None and self._words.search(_plain(text)):
            return True
        return any(pattern.search(text) for pattern in self._patterns)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _alone(word: str) -> str:
    """A pattern for ``word`` where it is no part of a longer one; between its parts any space will do."""
    plain = _plain(word)
    spaced = r"\s+".join(map(re.escape, plain.split()))
    before = r"(?<!\w)" if plain[0] < _WITHOUT_SPACES else ""
    after = r"(?!\w)" if plain[-1] < _WITHOUT_SPACES else ""
    return f"{before}{spaced}{after}"


def _texts(call: Call) -> Iterator[str]:
    for name in _FIELDS:
        raw = call.fields.get(name)
        if raw is not None:
            try:
                yield from _strings(msgspec.json.decode(raw))
            except RecursionError:
                raise BadRequest(f"{name} is nested too deeply to be understood", param=name) from None
            except msgspec.DecodeError:
                continue  # no JSON: it is refused as such later on


def _strings(value: Any) -> Iterator[str]:
    """Every string that is text. Neighbouring strings of one list are not joined."""
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += _members(item.items())
        elif isinstance(item, list):
            left += item


def _members(items: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    return (item for name, item in items if name not in _NOT_TEXT or not isinstance(item, str))


@hookimpl
def pixapi_register_guards() -> Iterable[GuardType]:
    return [GuardType("wordlist", "Refuses texts with forbidden words or patterns", Config, Wordlist)]
