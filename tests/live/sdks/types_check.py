"""Holds replies against an SDK's own types: `types_check.py`, with them on stdin.

Stdin has ``[[name, type, body], ...]``; stdout gets ``{name: what is wrong}``, for each that is not of its type, and
``{"extra": {type: [members that the type has not]}}`` beside it. Types are checked in pydantic's strict mode: nothing is
taken for what it is not. It runs in an environment that has nothing but one SDK.
"""

import importlib
import json
import sys
from collections import defaultdict
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

UNSTRICT = {"datetime_type"}
"""What JSON has no type for: Google's SDK hands strings on as they are, which strict mode then refuses."""
EXTRA: dict[str, set[str]] = defaultdict(set)


def adapter(path: str) -> TypeAdapter[Any]:
    module, _, name = path.rpartition(".")
    return TypeAdapter(getattr(importlib.import_module(module), name))


def note_extra(value: Any, where: str, path: str) -> None:
    """Members that the SDK keeps without knowing them."""
    if isinstance(value, BaseModel):
        EXTRA[path] |= {where + name for name in value.model_extra or {}}
        for name in type(value).model_fields:
            note_extra(getattr(value, name), f"{where}{name}.", path)
    elif isinstance(value, list | tuple):
        for item in value:
            note_extra(item, where, path)


def main() -> None:
    wrong: dict[str, str] = {}
    adapters: dict[str, TypeAdapter[Any]] = {}
    for name, path, body in json.load(sys.stdin):
        known = adapters.setdefault(path, adapter(path)) if path not in adapters else adapters[path]
        try:
            note_extra(known.validate_json(body, strict=True), "", path)
        except ValidationError as error:
            errors = [e for e in error.errors() if e["type"] not in UNSTRICT]
            if not errors:
                note_extra(known.validate_json(body), "", path)
                continue
            found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors[:4]]
            wrong[name] = "; ".join(found)
    print(json.dumps({"wrong": wrong, "extra": {path: sorted(names) for path, names in EXTRA.items()}}))


main()
