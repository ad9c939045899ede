"""A secret setting: named by reference, read when used, never printed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pixapi.config.reference import Reference, Unresolved
from pixapi.errors import ConfigError

_RECHECK_S = 1.0


class Secret:
    """A value from the configuration, the environment or a file.

    A file is read again when it has changed (looked at once a second at most), so a rotated secret needs no
    restart. ``str()`` and ``repr()`` show asterisks.
    """

    __slots__ = ("_before", "_checked_s", "_env", "_file", "_form", "_mtime_ns", "_value")

    def __init__(self, value: str | None = None, *, env: str | None = None, file: Path | None = None) -> None:
        self._value = value
        self._before: str | None = None
        """What the file held before it changed."""
        self._env = env
        self._file = file
        self._mtime_ns = -1
        self._checked_s = 0.0
        self._form: SecretForm | None = None

    def reveal(self) -> str:
        """The secret itself.

        Raises:
            ConfigError: the variable is not set, or the file cannot be read or is empty.
        """
        if self._env is not None:
            value = os.environ.get(self._env)
            if not value:
                raise ConfigError(f"the environment variable {self._env} is not set; it should hold a secret")
            return value
        if self._file is not None:
            return self._read(self._file)
        return self._value or ""

    def held(self) -> tuple[str, ...]:
        """What it holds, and what it held before its file changed, as far as that is known: whatever must not be shown.
        Never raises.
        """
        try:
            return tuple(text for text in (self.reveal(), self._before) if text)
        except ConfigError:
            return tuple(text for text in (self._value, self._before) if text)

    def check(self) -> None:
        """Look whether what it holds now can be what it is for, as far as its `SecretForm` says.

        Raises:
            ConfigError: it cannot; the sentence says what was expected. Or it has no value, as with `reveal`.
        """
        text = self.reveal()
        if self._form is not None:
            self._form.read(text)

    def _read(self, file: Path) -> str:
        now = time.monotonic()
        if self._value is not None and now - self._checked_s < _RECHECK_S:
            return self._value
        self._checked_s = now
        try:
            mtime_ns = file.stat().st_mtime_ns
            if self._value is None or mtime_ns != self._mtime_ns:
                value = file.read_text().strip()
                if value:  # an empty file is being written: what it held before stays good
                    self._before, self._value, self._mtime_ns = self._value, value, mtime_ns
        except OSError as error:
            raise ConfigError(f"the secret file {file.name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"the secret file {file.name} holds no text; expected UTF-8") from None
        if self._value is None:
            raise ConfigError(f"the secret file {file.name} is empty; it should hold a secret")
        return self._value

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (
            self._env,
            self._file,
            self._value if self._file is None else None,
        ) == (other._env, other._file, other._value if other._file is None else None)

    def __hash__(self) -> int:
        return hash((self._env, self._file))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "********"),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "writeOnly": True}

    @classmethod
    def _validate(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, Reference | Unresolved):
            return cls(env=value.env, file=value.file)
        if isinstance(value, str):
            return cls(value)
        raise ValueError('expected a string, { env = "NAME" } or { file = "path" }')


@dataclass(frozen=True, slots=True)
class SecretForm:
    """What a secret has to look like: ``credentials: Annotated[Secret, SecretForm(read)]``. `pixapi check` asks, and so
    does a gateway that starts or reloads: it does not begin with one that is malformed.

    ``read`` is what the plugin itself reads the secret with. It raises ConfigError with a sentence that says what was
    expected, and shows nothing of the secret; what it returns is not looked at.
    """

    read: Callable[[str], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._mark, handler(source))

    def _mark(self, secret: Secret) -> Secret:
        secret._form = self
        return secret


def _kept_secret(value: Any) -> Any:
    return Secret._validate(value) if isinstance(value, Reference | Unresolved) else value


TextOrSecret = Annotated[str | Secret, BeforeValidator(_kept_secret)]
"""A setting that may be confidential: a `Secret` where it is named by reference, a plain text otherwise."""
