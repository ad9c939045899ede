"""Column types as the revisions use them. They stay as they are, whatever the program's own become."""

from typing import Any, Literal

import sqlalchemy as sa

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """How a new revision spells a type: by the names above where it is one of them."""
    if kind != "type":
        return False
    for name, known in (("Int64", Int64), ("Id", Id)):
        if repr(item) == repr(known) and getattr(item, "_variant_mapping", None):
            return name
    return False
