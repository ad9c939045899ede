"""The page `translation`: what becomes of every field of a dialect at servers of another."""

from __future__ import annotations

from generator.markdown import code, document, table
from pixapi.wire.dialect_fields import FieldTable
from pixapi.wire.offered import DIALECTS
from pixapi.wire.translation import FAMILIES, Outcome, outcomes

_INTRO = """
A call whose caller and server speak the same dialect goes on as it came:
[compatibility](../explanation/compatibility.md) has the few fields that are rewritten. Any other call is translated,
and this page says what becomes of each of its fields:

- *yes*: the server is told the same in its own words.
- *refused*: 400 with the field's name. Without it the answer would be one to another question, or of another shape.
- *dropped*: left out, because it steers chance, cost, speed or somebody's bookkeeping. The reply's header
  `x-pixapi-dropped` names every field that was asked for and dropped, in the caller's own words:

```text
x-pixapi-dropped: seed, user
```

A field that asks for nothing (`null`, `false`, an empty list, what holds anyway) is neither refused nor dropped. A
field that is not on this page goes on to servers of Chat Completions as it is, and is dropped for all others; in
Gemini's dialect it is dropped for all. Within a field, what belongs to one vendor alone (tools that run on its
servers, stored files) is refused, and a wrong type is.

The header also names what is left out in the same dialect: fields that the vendor's row drops, sampling parameters
that the model or the API's version refuses. It is there on whole replies and on streams; where nothing was dropped
there is none. It lists names, never values, and at most 32 of them.
"""
_TITLES = {
    "openai": "Chat Completions",
    "responses": "Responses",
    "anthropic": "Messages",
    "gemini": "Gemini",
    "bedrock": "Converse",
    "cohere": "Cohere",
}
_SAID = {"translated": "yes", "refused": "refused", "dropped": "dropped"}


def page() -> str:
    notes: list[str] = []
    parts = [
        part
        for name, dialect in DIALECTS.items()
        for part in (
            f"## From {_TITLES[name]}",
            _table(dialect.table, [family for family in FAMILIES if family != name], notes),
        )
    ]
    numbered = "\n".join(f"{number}. {note[0].upper()}{note[1:]}." for number, note in enumerate(notes, 1))
    return document("Translation", _INTRO, *parts, "## Notes\n\n" + numbered)


def _table(fields: FieldTable, families: list[str], notes: list[str]) -> str:
    rows = [
        [code(name), *(_cell(outcomes(field, FAMILIES[family]), notes) for family in families)]
        for name, field in fields.items()
    ]
    return table(["field", *(_TITLES[family] for family in families)], rows)


def _cell(found: list[Outcome], notes: list[str]) -> str:
    return ", ".join(_said(outcome, notes) for outcome in found)


def _said(outcome: Outcome, notes: list[str]) -> str:
    said = _SAID[outcome.fate]
    if outcome.term:
        said = f"{code(outcome.term)}: {said}"
    if not outcome.why:
        return said
    if outcome.why not in notes:
        notes.append(outcome.why)
    return f"{said} ({notes.index(outcome.why) + 1})"
