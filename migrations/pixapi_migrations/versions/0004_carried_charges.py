"""Sums that take the place of charges which are no longer kept. Their numbers only grow, and no row goes."""

import sqlalchemy as sa
from alembic import op

from pixapi.errors import Conflict
from pixapi_migrations.types import Id, Int64

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = ("wallet_id", "lot_id", "key_id", "month_us")
_NUMBERS = ("calls", "amount", "written_off")
_SHRINKS = " OR ".join(
    [
        *(f"NEW.{name} <> OLD.{name}" for name in _KEY),
        *(f"NEW.{name} < OLD.{name}" for name in _NUMBERS),
    ]
)

_SQLITE = (
    f"""CREATE TRIGGER carried_charges_grow BEFORE UPDATE ON carried_charges WHEN {_SHRINKS}
       BEGIN SELECT RAISE(ABORT, 'what was carried forward does not shrink'); END""",
    """CREATE TRIGGER carried_charges_no_delete BEFORE DELETE ON carried_charges
       BEGIN SELECT RAISE(ABORT, 'what was carried forward does not shrink'); END""",
)

_POSTGRES = (
    f"""CREATE TRIGGER carried_charges_grow BEFORE UPDATE ON carried_charges FOR EACH ROW WHEN ({_SHRINKS})
       EXECUTE FUNCTION pixapi_refuse('what was carried forward')""",
    """CREATE TRIGGER carried_charges_no_delete BEFORE DELETE ON carried_charges
       FOR EACH ROW EXECUTE FUNCTION pixapi_refuse('what was carried forward')""",
    """CREATE TRIGGER carried_charges_no_truncate BEFORE TRUNCATE ON carried_charges
       FOR EACH STATEMENT EXECUTE FUNCTION pixapi_refuse('what was carried forward')""",
)


def upgrade() -> None:
    op.create_table(
        "carried_charges",
        sa.Column("wallet_id", Id, nullable=False),
        sa.Column("lot_id", Int64, autoincrement=False, nullable=False),
        sa.Column("key_id", Id, nullable=False),
        sa.Column("month_us", Int64, autoincrement=False, nullable=False),
        *(sa.Column(name, Int64, nullable=False) for name in _NUMBERS),
        sa.CheckConstraint(
            "calls > 0 AND amount >= 0 AND written_off >= 0", name=op.f("ck_carried_charges_amounts")
        ),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_carried_charges")),
        sqlite_with_rowid=False,
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    carried = op.get_bind().execute(sa.text("SELECT count(*) FROM carried_charges")).scalar_one()
    if carried:
        raise Conflict(
            f"{carried} sums stand for charges that are gone, and no balance could be proven without them; nothing was "
            "changed: stay at schema 0004 or a later one"
        )
    op.drop_table("carried_charges")
