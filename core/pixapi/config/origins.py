"""Where each value of the configuration came from: a line of a file, the environment, or a default."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pixapi.config.positions import KeyPath, scan


@dataclass(frozen=True)
class Source:
    """One file of the configuration; its models are those from index ``first_model`` on."""

    file: Path
    text: str
    first_model: int = 0
    model_count: int = 0

    @cached_property
    def lines(self) -> dict[KeyPath, int]:
        """Key path -> line. Found only when somebody asks, for a start without errors has no use for it."""
        return scan(self.text)


@dataclass
class Origins:
    """Finds the place of a key path of the whole configuration."""

    sources: list[Source]
    variables: dict[KeyPath, str] = field(default_factory=dict)
    """Key paths that the environment has set, with the variable's name."""

    def exact(self, path: KeyPath) -> str | None:
        """The place where ``path`` itself is set; None where it is not, so that its default holds."""
        for length in range(len(path), 0, -1):
            if variable := self.variables.get(path[:length]):
                return f"the environment variable {variable}"
        source, own = self._own(path)
        line = source.lines.get(own)
        return None if line is None else f"{source.file}:{line}"

    def nearest(self, path: KeyPath) -> str:
        """The place of ``path``, or of what it would be part of."""
        for length in range(len(path), 0, -1):
            if place := self.exact(path[:length]) or self._variable_below(path[:length]):
                return place
        return str(self.sources[0].file)

    def _variable_below(self, path: KeyPath) -> str | None:
        """The variable that made the table at ``path``, where no file has it."""
        names = (name for at, name in self.variables.items() if at[: len(path)] == path)
        return next((f"the environment variable {name}" for name in names), None)

    def _own(self, path: KeyPath) -> tuple[Source, KeyPath]:
        """The file that holds ``path``, and the key path within that file."""
        if len(path) > 1 and path[0] == "models" and isinstance(path[1], int):
            for source in self.sources[1:]:
                index = path[1] - source.first_model
                if 0 <= index < source.model_count:
                    return source, ("models", index, *path[2:])
        return self.sources[0], path
