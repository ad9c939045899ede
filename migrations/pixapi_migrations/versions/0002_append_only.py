"""Entries cannot be changed or removed, nor the money of a settled charge: the database itself refuses."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MONEY = "status, amount, written_off, lot_id, wallet_id, key_id, budgeted, held"

_SQLITE = (
    """CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries
       BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END""",
    """CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries
       BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END""",
    f"""CREATE TRIGGER charges_settled BEFORE UPDATE OF {_MONEY} ON charges WHEN OLD.status = 'settled'
       BEGIN SELECT RAISE(ABORT, 'a settled charge does not change'); END""",
)

_POSTGRES = (
    """CREATE FUNCTION pixapi_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION '% does not change', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
       END $$""",
    """CREATE TRIGGER entries_no_update BEFORE UPDATE OR DELETE ON entries
       FOR EACH ROW EXECUTE FUNCTION pixapi_refuse('an entry')""",
    """CREATE TRIGGER entries_no_truncate BEFORE TRUNCATE ON entries
       FOR EACH STATEMENT EXECUTE FUNCTION pixapi_refuse('an entry')""",
    f"""CREATE TRIGGER charges_settled BEFORE UPDATE OF {_MONEY} ON charges
       FOR EACH ROW WHEN (OLD.status = 'settled') EXECUTE FUNCTION pixapi_refuse('a settled charge')""",
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if sqlite else _POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("entries_no_update", "entries_no_delete", "charges_settled"):
            op.execute(f"DROP TRIGGER {name}")
        return
    op.execute("DROP TRIGGER charges_settled ON charges")
    op.execute("DROP TRIGGER entries_no_truncate ON entries")
    op.execute("DROP TRIGGER entries_no_update ON entries")
    op.execute("DROP FUNCTION pixapi_refuse()")
