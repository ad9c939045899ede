"""The guard `wordlist`: refuses calls whose text holds a forbidden word or matches a pattern.

Text is what the messages (or the input of embeddings, the prompt of an image, a query and its documents) say,
tool calls and their results included; links and inline files are not looked into. Words are compared without
regard to case and to ways of writing the same letters (Unicode NFKC), and only where they stand alone; in scripts
that do not part words by spaces they are found anywhere. Patterns are regular expressions and see the text as it was
sent.

A search holds up the event loop, so its time must be bounded, whatever pattern meets whatever text. Words and
patterns therefore run on the engine inside pydantic (Rust's `regex`, https://docs.rs/regex, "Untrusted input"),
which never backtracks: its time is in proportion to the text's length and at worst to the pattern's size. That size is
bounded when the settings are read. Look-around and references to groups, which need backtracking, are not known to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Generator, Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from pixapi import hookimpl
from pixapi.interfaces import Allow, Call, Deny, Guard, GuardType, Outbound, PluginConfig, Rewrite
from pixapi.wire.texts import texts_of

PIXAPI_INTERFACE = 1

_WITHOUT_SPACES = "\u2e80"
"""From here on, scripts such as Chinese and Japanese, which do not part words by spaces."""
_MOST_STEPS = 100
"""The size of a pattern: its characters, classes and the like, as often as counted repetitions repeat them."""
_LONGEST_PATTERN = 1000
_WORDS_TOGETHER = 5000
"""Words in one search: the engine refuses what would take more than 10 MB."""
_BREATHE_CHARACTERS = 200_000
"""After so much text the event loop may see to other calls."""
_TOKEN = re.compile(
    r"\\(?:[pPxuUb]\{[^}]*\}|.)|\[\^?\]?|\((?:\?(?:P?<\w+>|[a-zA-Z-]*[:)]))?|\{\s*(?P<low>\d*)\s*,?\s*(?P<high>\d*)\s*\}|.",
    re.DOTALL,
)


def _engine(pattern: str) -> SchemaValidator:
    """Searches texts for ``pattern`` by its ``isinstance_python``."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        reason = str(error).partition("error: ")[2] or str(error).partition("SchemaError: ")[2]
        raise ValueError(f"not a regular expression that this guard can run: {reason.strip()}") from None


def _steps(pattern: str) -> int:
    """How large a valid pattern is with its counted repetitions written out; never less than that."""
    sizes, last, depth = [0], 0, 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if depth or text.startswith("["):  # a class, perhaps with classes inside, is one step
            depth += text.startswith("[") - (text == "]")
            if depth == 0:
                last = 1
                sizes[-1] += 1
        elif text.startswith("("):
            if "x" in text and "<" not in text:
                raise ValueError("the flag x is not offered; expected a pattern without layout")
            if not text.endswith(")"):
                sizes.append(0)
        elif text == ")":
            last = max(1, sizes.pop())
            sizes[-1] += last
        elif text.startswith("{") and len(text) > 1:
            times = max(int(token["low"] or 0), int(token["high"] or 0), 1)
            sizes[-1] += last * (times - 1)
            last *= times
        elif text not in "*+?|":
            last = 1
            sizes[-1] += 1
    return sizes[0]


def _pattern(text: str) -> str:
    if len(text) > _LONGEST_PATTERN:
        raise ValueError(f"longer than {_LONGEST_PATTERN} characters; expected several shorter patterns")
    _engine(text)
    if _steps(text) > _MOST_STEPS:
        raise ValueError(
            f"too large: with its counted repetitions written out it has {_steps(text)} steps; expected at most "
            f"{_MOST_STEPS}. An open repetition such as `+` costs nothing where {{1,255}} costs 255"
        )
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
    """Regular expressions that are refused wherever they match: Rust's syntax, without look-around and references."""
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
        self._words = [_engine(pattern) for pattern in _alone(config.words)]
        self._patterns = [_engine(pattern) for pattern in config.patterns]

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        looked_at = 0
        for text in texts_of(call):
            if self._is_forbidden(text):
                return self._deny
            looked_at += len(text)
            if looked_at > _BREATHE_CHARACTERS:
                looked_at = 0
                await _Turn()
        return Allow()

    def _is_forbidden(self, text: str) -> bool:
        if self._words:
            plain = _plain(text)
            if any(words.isinstance_python(plain) for words in self._words):
                return True
        return any(pattern.isinstance_python(text) for pattern in self._patterns)


class _Turn:
    """Awaited, it gives other tasks of the loop a turn; a plugin needs no event loop's own name for that."""

    def __await__(self) -> Generator[None]:
        yield


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _alone(words: list[str]) -> Iterator[str]:
    """Patterns for the words where they are no part of longer ones; between a phrase's parts any space will do."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for plain in map(_plain, words):
        before = r"(?:^|\W)" if plain[0] < _WITHOUT_SPACES else ""
        after = r"(?:$|\W)" if plain[-1] < _WITHOUT_SPACES else ""
        kinds.setdefault((before, after), []).append(r"\s+".join(map(re.escape, plain.split())))
    for (before, after), alike in kinds.items():
        for at in range(0, len(alike), _WORDS_TOGETHER):
            yield f"{before}(?:{'|'.join(alike[at : at + _WORDS_TOGETHER])}){after}"


@hookimpl
def pixapi_register_guards() -> Iterable[GuardType]:
    return [GuardType("wordlist", "Refuses texts with forbidden words or patterns", Config, Wordlist)]
