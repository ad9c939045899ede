"""From the word after ``use`` to a plugin's module: gates 1 to 3."""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import dataclass
from hashlib import blake2s
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType
from typing import Any

from pixapi.config.problems import suggestion
from pixapi.errors import PluginError
from pixapi.interfaces import INTERFACE_VERSION

GROUP = "pixapi.plugins"

_FILE = re.compile(r"(?P<file>.+\.py)(?::(?P<kind>.+))?")


@dataclass(frozen=True)
class Use:
    """What ``use`` says: an entry point or a file, and perhaps which kind of those that it offers."""

    name: str
    kind: str | None
    is_file: bool

    @staticmethod
    def parse(text: str) -> Use:
        """``name``, ``name:kind``, ``./file.py`` or ``./file.py:kind``."""
        if match := _FILE.fullmatch(text):
            return Use(match["file"], match["kind"], is_file=True)
        name, _, kind = text.partition(":")
        return Use(name, kind or None, is_file=False)


@dataclass(frozen=True)
class Plugin:
    """An imported plugin. ``label`` names it in messages; ``distribution`` is None for a file."""

    name: str
    label: str
    hooks: Any
    distribution: Distribution | None


def installed() -> list[EntryPoint]:
    """The entry points of all installed plugins. Nothing is imported."""
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, distribution_name(point)))


def distribution_name(point: EntryPoint) -> str:
    """The name of the distribution that an entry point belongs to."""
    return point.dist.name if point.dist is not None else "an unknown distribution"


def find(name: str, points: list[EntryPoint]) -> EntryPoint:
    """The one entry point of that name.

    Raises:
        PluginError: there is none, or several distributions have one.
    """
    found = [point for point in points if point.name == name]
    if not found:
        hint = suggestion(name, [point.name for point in points])
        raise PluginError(
            f"no plugin `{name}` is installed{hint or '; `pixapi plugins list` shows those that are'}"
        )
    if len(found) > 1:
        owners = " and ".join(distribution_name(point) for point in found)
        raise PluginError(f"the plugin `{name}` is offered by {owners}; uninstall all of them but one")
    return found[0]


def from_entry_point(point: EntryPoint) -> Plugin:
    """Import the plugin of an entry point.

    Raises:
        PluginError: it cannot be imported, or was made for another interface version.
    """
    label = f"the plugin `{point.name}` (distribution {distribution_name(point)})"
    try:
        hooks = point.load()
    except ModuleNotFoundError as error:
        raise PluginError(f"{label} cannot be imported: {_missing(error, point)}") from error
    except Exception as error:
        raise PluginError(f"{label} cannot be imported: {_in_short(error)}") from error
    return _checked(Plugin(point.name, label, hooks, point.dist))


def from_file(name: str, base_dir: Path) -> Plugin:
    """Import a plugin that is one file. The file is read anew each time, so that a reload sees its changes.

    Raises:
        PluginError: as `from_entry_point`, or there is no such file.
    """
    file = (base_dir / name).resolve()
    label = f"the plugin {name}"
    if not file.is_file():
        raise PluginError(f"{label} cannot be imported: there is no file {file}")
    module_name = f"pixapi_file_{file.stem}_{blake2s(str(file).encode(), digest_size=4).hexdigest()}"
    loader = _SourceLoader(module_name, str(file))
    spec = ModuleSpec(module_name, loader, origin=str(file))
    spec.has_location = True
    module = module_from_spec(spec)
    before = sys.modules.get(module_name)
    sys.modules[module_name] = module  # annotations of its classes are looked up there
    try:
        loader.exec_module(module)
        return _checked(Plugin(file.stem, label, module, None))
    except Exception as error:
        sys.modules.pop(module_name)
        if before is not None:
            sys.modules[module_name] = before
        if isinstance(error, PluginError):
            raise
        raise PluginError(f"{label} cannot be imported: {_in_short(error)}") from error


class _SourceLoader(SourceFileLoader):
    """Compiles the source itself: bytecode caches go by whole seconds, and the folder may be read-only."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _checked(plugin: Plugin) -> Plugin:
    version = getattr(plugin.hooks, "PIXAPI_INTERFACE", None)
    if version is None and hasattr(plugin.hooks, "__module__"):
        version = getattr(sys.modules.get(plugin.hooks.__module__), "PIXAPI_INTERFACE", None)
    if version is None:
        raise PluginError(
            f"{plugin.label} does not say which interface it was written for; "
            f"its module should have the line `PIXAPI_INTERFACE = {INTERFACE_VERSION}`"
        )
    if version != INTERFACE_VERSION:
        older = isinstance(version, int) and version < INTERFACE_VERSION
        raise PluginError(
            f"{plugin.label} was written for interface version {version!r}, and this Pixapi has "
            f"{INTERFACE_VERSION}; install a {'newer version of the plugin' if older else 'newer Pixapi'}"
        )
    return plugin


def _missing(error: ModuleNotFoundError, point: EntryPoint) -> str:
    missing = error.name or ""
    if point.module == missing or point.module.startswith(f"{missing}."):
        # A path that `pip install -e` adds is read when a process starts, and entry points whenever they are asked for.
        return (
            f"its module {missing} does not exist; install {distribution_name(point)} again, "
            "or restart the gateway if it was installed with `pip install -e` while that ran"
        )
    package = missing.partition(".")[0]
    extra = _extra_of(package, point.dist)
    install = f"{distribution_name(point)}[{extra}]" if extra else package
    return f"it needs the package {package}, which is not installed; try `pip install '{install}'`"


def _extra_of(package: str, distribution: Distribution | None) -> str | None:
    """The extra of ``distribution`` that brings ``package``, going by its name."""
    for requirement in (distribution.requires if distribution is not None else None) or []:
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", requirement)
        if name and extra and _plain(name[0]) == _plain(package):
            return extra[1]
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _in_short(error: BaseException) -> str:
    """The error and the line that raised it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({Path(error.filename).name}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
