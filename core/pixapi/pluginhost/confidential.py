"""Keeps the operator's secrets out of what a model's server says: vendors quote the key that they refuse, in words of
their own and wherever an error may stand.

Providers need not care. The core looks through every error between the provider that read it and whoever reads it next:
the caller, the log, the request log, the receipt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from pixapi.errors import UpstreamError
from pixapi.interfaces import PluginConfig, Secret
from pixapi.pluginhost.values import walk
from pixapi.wire.openai_error_words import clean_words

SHOWN = "[redacted]"
"""What stands in a secret's place."""
_LEAST = 5
"""Characters of a secret. Shorter ones ("none", "test") are no secrets, and stand in many a sentence."""
_LEAST_PART = 16
"""Of a string within a secret that is a JSON object (a service account, keys of a role), and of no other use."""
_LEAST_BEGINNING = 8
"""Of a secret that is cut off where the words end."""


class Confidential:
    """What one of a provider's keys must not be known by: the secrets of its settings, and the credentials that were
    obtained with them.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = tuple(secrets)
        self._obtained: deque[Secret] = deque(maxlen=2)
        """The credential in use, and the one before: calls under way were sent with it."""

    @classmethod
    def of(cls, config: PluginConfig) -> Confidential:
        """The secrets of a plugin's settings."""
        return cls(value for _, value in walk(config) if isinstance(value, Secret))

    def add(self, credential: Secret) -> None:
        """A credential that was obtained just now."""
        self._obtained.append(credential)

    def conceal(self, error: UpstreamError) -> None:
        """Take the secrets out of all that ``error`` says, its codes included. Never raises."""
        texts = self._texts()
        message = _without(error.message, texts)
        if message != error.message:
            error.message, error.args = message, (message,)
        error.code = _without(error.code, texts)
        if error.upstream_code is not None:
            error.upstream_code = _without(error.upstream_code, texts)
        if error.param is not None:
            error.param = _without(error.param, texts)

    def _texts(self) -> list[str]:
        """All that is looked for, the longest first: one may be part of another."""
        held = (text for secret in (*self._secrets, *self._obtained) for text in secret.held())
        found = {spelling for text in held for spelling in _spellings(text)}
        return sorted((text for text in found if len(text) >= _LEAST), key=len, reverse=True)


def _spellings(secret: str) -> Iterator[str]:
    """How a secret may stand in an error's words."""
    yield secret
    yield clean_words(secret)  # what is left of it once the parts that look like a key were cut out
    if secret.startswith("{"):
        try:
            members = msgspec.json.decode(secret, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError):
            return
        yield from (part for part in members.values() if isinstance(part, str) and len(part) >= _LEAST_PART)


def _without(words: str, texts: Iterable[str]) -> str:
    for text in texts:
        words = words.replace(text, SHOWN)
    for text in texts:
        words = _without_beginning(words, text)
    return words


def _without_beginning(words: str, text: str) -> str:
    """``words`` without the beginning of ``text`` that they end with: long ones were cut, maybe within it."""
    tail, end = words[-_LEAST_BEGINNING:], len(text)
    while len(tail) == _LEAST_BEGINNING and (at := text.rfind(tail, 0, end)) >= 0:
        end = at + _LEAST_BEGINNING
        if words.endswith(text[:end]):
            return words[:-end] + SHOWN
        end -= 1
    return words
