"""Sums of use by model and day, and running totals by key, so that a report costs the same whatever its span."""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

import sqlalchemy as sa
from alembic import op

from pixapi_migrations.types import Id, Int64

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAMES = ("calls", "input_tokens", "output_tokens", "amount")
_COLUMNS = ", ".join(_NAMES)
_SUMS = ", ".join(f"CAST(sum({name}) AS bigint)" for name in _NAMES)
_RUNNING = ", ".join(
    f"CAST(sum({name}) OVER (PARTITION BY key_id, user_id ORDER BY day_us) AS bigint)" for name in _NAMES
)
_DIFFERENCES = ", ".join(
    f"{name} - coalesce(lag({name}) OVER (PARTITION BY key_id, user_id ORDER BY day_us), 0)"
    for name in _NAMES
)
_GREATEST = ", ".join(f"max({name})" for name in _NAMES)
_DAY_US = 86_400_000_000


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(name, Int64, nullable=False) for name in _NAMES]


def upgrade() -> None:
    op.create_table(
        "usage_by_model_day",
        sa.Column("day_us", Int64, autoincrement=False, nullable=False),
        sa.Column("model", Id, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("day_us", "model", name=op.f("pk_usage_by_model_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_by_key_until",
        sa.Column("key_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("day_us", Int64, autoincrement=False, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("key_id", "user_id", "day_us", name=op.f("pk_usage_by_key_until")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_by_key_total",
        sa.Column("key_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("first_day_us", Int64, nullable=False),
        sa.Column("last_day_us", Int64, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("key_id", "user_id", name=op.f("pk_usage_by_key_total")),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO usage_by_model_day (day_us, model, {_COLUMNS})"
        f" SELECT hour_us - hour_us % {_DAY_US}, model, {_SUMS} FROM usage_by_model GROUP BY 1, 2"
    )
    op.execute(
        f"INSERT INTO usage_by_key_until (key_id, user_id, day_us, {_COLUMNS})"
        f" SELECT key_id, user_id, day_us, {_RUNNING} FROM usage_by_key_day"
    )
    op.execute(
        f"INSERT INTO usage_by_key_total (key_id, user_id, first_day_us, last_day_us, {_COLUMNS})"
        f" SELECT key_id, user_id, min(day_us), max(day_us), {_GREATEST} FROM usage_by_key_until GROUP BY 1, 2"
    )
    op.drop_table("usage_by_key_day")


def downgrade() -> None:
    op.create_table(
        "usage_by_key_day",
        sa.Column("day_us", Int64, autoincrement=False, nullable=False),
        sa.Column("key_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("day_us", "key_id", "user_id", name=op.f("pk_usage_by_key_day")),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO usage_by_key_day (key_id, user_id, day_us, {_COLUMNS})"
        f" SELECT key_id, user_id, day_us, {_DIFFERENCES} FROM usage_by_key_until"
    )
    for table in ("usage_by_key_total", "usage_by_key_until", "usage_by_model_day"):
        op.drop_table(table)
