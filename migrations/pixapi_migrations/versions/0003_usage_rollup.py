"""Hourly sums of use, so that reports need not read every charge; and a note of charges that settled too late for
them.

A charge's hour is summed an hour after it is over. Charges that settle later than half an hour after they were made
(`_LATE_US`) are noted by a trigger, whoever settles them, and added when they come; all others have settled long
before their hour is summed. The trigger compares with the database's own clock: a settle may have waited in a file.
"""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

import sqlalchemy as sa
from alembic import op

from pixapi_migrations.types import Id, Int64

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LATE_US = 1_800_000_000

_SQLITE = f"""CREATE TRIGGER charges_settled_late AFTER UPDATE OF status ON charges
    WHEN NEW.status = 'settled'
    AND NEW.created_at_us < (julianday('now') - 2440587.5) * 86400000000 - {_LATE_US}
    BEGIN INSERT OR IGNORE INTO usage_late (charge_id) VALUES (NEW.id); END"""

_POSTGRES = (
    """CREATE FUNCTION pixapi_note_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO usage_late (charge_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
       RETURN NULL;
       END $$""",
    f"""CREATE TRIGGER charges_settled_late AFTER UPDATE OF status ON charges FOR EACH ROW
       WHEN (NEW.status = 'settled'
       AND NEW.created_at_us < extract(epoch FROM clock_timestamp())::float8 * 1000000 - {_LATE_US})
       EXECUTE FUNCTION pixapi_note_late()""",
)


def _sums() -> list[sa.Column[int]]:
    names = ("calls", "input_tokens", "output_tokens", "amount")
    return [sa.Column(name, Int64, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "usage_by_model",
        sa.Column("hour_us", Int64, autoincrement=False, nullable=False),
        sa.Column("model", Id, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("hour_us", "model", name=op.f("pk_usage_by_model")),
        sqlite_with_rowid=False,
    )
    for table, start in (("usage_by_key", "hour_us"), ("usage_by_key_day", "day_us")):
        op.create_table(
            table,
            sa.Column(start, Int64, autoincrement=False, nullable=False),
            sa.Column("key_id", Id, nullable=False),
            sa.Column("user_id", Id, nullable=False),
            *_sums(),
            sa.PrimaryKeyConstraint(start, "key_id", "user_id", name=op.f(f"pk_{table}")),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "usage_rolled",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("upto", Id, nullable=False),
        sa.Column("version", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_rolled")),
    )
    op.create_table(
        "usage_late",
        sa.Column("charge_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("charge_id", name=op.f("pk_usage_late")),
        sqlite_with_rowid=False,
    )
    for statement in (_SQLITE,) if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER charges_settled_late")
    else:
        op.execute("DROP TRIGGER charges_settled_late ON charges")
        op.execute("DROP FUNCTION pixapi_note_late()")
    for table in ("usage_late", "usage_rolled", "usage_by_key_day", "usage_by_key", "usage_by_model"):
        op.drop_table(table)
