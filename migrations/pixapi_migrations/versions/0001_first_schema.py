"""The first schema: catalog, identity, calls, ledger. Written by `python -m pixapi_migrations`."""

import sqlalchemy as sa
from alembic import op

from pixapi_migrations.types import Id, Int64

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), server_default="default", nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("disabled_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "audit",
        sa.Column("id", Int64, autoincrement=True, nullable=False),
        sa.Column("at_us", Int64, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_subject", ["subject"], unique=False)

    op.create_table(
        "charges",
        sa.Column("id", Id, nullable=False),
        sa.Column("wallet_id", Id, nullable=False),
        sa.Column("key_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("owner", Id, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("stream", sa.Boolean(), nullable=False),
        sa.Column("budgeted", sa.Boolean(), nullable=False),
        sa.Column("price_id", Int64, nullable=False),
        sa.Column("held", Int64, nullable=False),
        sa.Column("amount", Int64, nullable=True),
        sa.Column("written_off", Int64, nullable=False),
        sa.Column("lot_id", Int64, nullable=True),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("usage_source", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("http_status", sa.SmallInteger(), nullable=True),
        sa.Column("first_byte_ms", Int64, nullable=True),
        sa.Column("duration_ms", Int64, nullable=True),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("settled_at_us", Int64, nullable=True),
        sa.CheckConstraint("(status = 'held') = (settled_at_us IS NULL)", name=op.f("ck_charges_open")),
        sa.CheckConstraint("(status = 'settled') = (amount IS NOT NULL)", name=op.f("ck_charges_settled")),
        sa.CheckConstraint("status IN ('held', 'settled', 'voided')", name=op.f("ck_charges_status")),
        sa.CheckConstraint("held >= 0 AND written_off >= 0", name=op.f("ck_charges_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charges")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("charges", schema=None) as batch_op:
        batch_op.create_index(
            "ix_charges_held",
            ["owner"],
            unique=False,
            sqlite_where=sa.text("status = 'held'"),
            postgresql_where=sa.text("status = 'held'"),
        )
        batch_op.create_index("ix_charges_wallet", ["wallet_id", "created_at_us"], unique=False)
        batch_op.create_index(
            "ix_charges_written_off",
            ["id"],
            unique=False,
            sqlite_where=sa.text("written_off > 0"),
            postgresql_where=sa.text("written_off > 0"),
        )

    op.create_table(
        "failed_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", Int64, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_requests")),
    )
    with op.batch_alter_table("failed_requests", schema=None) as batch_op:
        batch_op.create_index("ix_failed_requests_at_us", ["at_us"], unique=False)
        batch_op.create_index("ix_failed_requests_key_id", ["key_id", "at_us"], unique=False)

    op.create_table(
        "key_budgets",
        sa.Column("key_id", Id, nullable=False),
        sa.Column("budget", Int64, nullable=False),
        sa.Column("spent", Int64, nullable=False),
        sa.Column("held", Int64, nullable=False),
        sa.CheckConstraint("budget >= 0 AND spent >= 0 AND held >= 0", name=op.f("ck_key_budgets_amounts")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_key_budgets")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "prices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("factor", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("effective_at_us", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
    )
    with op.batch_alter_table("prices", schema=None) as batch_op:
        batch_op.create_index("ix_prices_model_factor", ["model", "factor", "id"], unique=False)

    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_normalized", sa.Text(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("disabled_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_normalized", name=op.f("uq_users_email_normalized")),
    )
    op.create_table(
        "wallets",
        sa.Column("account_id", Id, nullable=False),
        sa.Column("posted", Int64, nullable=False),
        sa.Column("held", Int64, nullable=False),
        sa.Column("overdraft", Int64, nullable=False),
        sa.Column("next_expiry_us", Int64, nullable=True),
        sa.CheckConstraint("held >= 0", name=op.f("ck_wallets_held")),
        sa.CheckConstraint("overdraft >= 0", name=op.f("ck_wallets_overdraft")),
        sa.CheckConstraint("posted - held >= -overdraft", name=op.f("ck_wallets_affordable")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_wallets")),
    )
    with op.batch_alter_table("wallets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallets_next_expiry_us"), ["next_expiry_us"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("last_used_at_us", Int64, nullable=True),
        sa.Column("expires_at_us", Int64, nullable=True),
        sa.Column("deleted_at_us", Int64, nullable=True),
        sa.Column("models", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("networks", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("has_budget", sa.Boolean(), nullable=False),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("revision", Int64, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index("ix_api_keys_account_id", ["account_id"], unique=False)
        batch_op.create_index("ix_api_keys_revision", ["revision"], unique=False)
        batch_op.create_index("ix_api_keys_user_id", ["user_id"], unique=False)

    op.create_table(
        "lots",
        sa.Column("id", Int64, nullable=False),
        sa.Column("wallet_id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("granted", Int64, nullable=False),
        sa.Column("remaining", Int64, nullable=False),
        sa.Column("expires_at_us", Int64, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.CheckConstraint("remaining >= 0 AND remaining <= granted", name=op.f("ck_lots_remaining")),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallets.account_id"], name=op.f("fk_lots_wallet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lots")),
        sa.UniqueConstraint("source", name=op.f("uq_lots_source")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("lots", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lots_open",
            ["wallet_id"],
            unique=False,
            sqlite_where=sa.text("remaining > 0"),
            postgresql_where=sa.text("remaining > 0"),
        )
        batch_op.create_index(batch_op.f("ix_lots_wallet_id"), ["wallet_id"], unique=False)

    op.create_table(
        "members",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_members_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id")),
        sa.PrimaryKeyConstraint("account_id", "user_id", name=op.f("pk_members")),
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index("ix_members_user_id", ["user_id"], unique=False)

    op.create_table(
        "entries",
        sa.Column("id", Int64, nullable=False),
        sa.Column("wallet_id", Id, nullable=False),
        sa.Column("lot_id", Int64, nullable=True),
        sa.Column("charge_id", Id, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", Int64, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("fk_entries_lot_id")),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallets.account_id"], name=op.f("fk_entries_wallet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("reference", "kind", "lot_id", name=op.f("uq_entries_reference_kind_lot_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_entries_charge",
            ["charge_id"],
            unique=False,
            sqlite_where=sa.text("charge_id IS NOT NULL"),
            postgresql_where=sa.text("charge_id IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_entries_lot_id"), ["lot_id"], unique=False)
        batch_op.create_index("ix_entries_wallet", ["wallet_id", "id"], unique=False)
        batch_op.create_index(
            "uq_entries_debt",
            ["reference", "kind"],
            unique=True,
            sqlite_where=sa.text("lot_id IS NULL"),
            postgresql_where=sa.text("lot_id IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_entries_debt",
            sqlite_where=sa.text("lot_id IS NULL"),
            postgresql_where=sa.text("lot_id IS NULL"),
        )
        batch_op.drop_index("ix_entries_wallet")
        batch_op.drop_index(batch_op.f("ix_entries_lot_id"))
        batch_op.drop_index(
            "ix_entries_charge",
            sqlite_where=sa.text("charge_id IS NOT NULL"),
            postgresql_where=sa.text("charge_id IS NOT NULL"),
        )

    op.drop_table("entries")
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index("ix_members_user_id")

    op.drop_table("members")
    with op.batch_alter_table("lots", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lots_wallet_id"))
        batch_op.drop_index(
            "ix_lots_open", sqlite_where=sa.text("remaining > 0"), postgresql_where=sa.text("remaining > 0")
        )

    op.drop_table("lots")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_api_keys_user_id")
        batch_op.drop_index("ix_api_keys_revision")
        batch_op.drop_index("ix_api_keys_account_id")

    op.drop_table("api_keys")
    with op.batch_alter_table("wallets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallets_next_expiry_us"))

    op.drop_table("wallets")
    op.drop_table("users")
    op.drop_table("revision")
    with op.batch_alter_table("prices", schema=None) as batch_op:
        batch_op.drop_index("ix_prices_model_factor")

    op.drop_table("prices")
    op.drop_table("meta")
    op.drop_table("key_budgets")
    op.drop_table("failed_requests")
    with op.batch_alter_table("charges", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_charges_written_off",
            sqlite_where=sa.text("written_off > 0"),
            postgresql_where=sa.text("written_off > 0"),
        )
        batch_op.drop_index("ix_charges_wallet")
        batch_op.drop_index(
            "ix_charges_held",
            sqlite_where=sa.text("status = 'held'"),
            postgresql_where=sa.text("status = 'held'"),
        )

    op.drop_table("charges")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_subject")

    op.drop_table("audit")
    op.drop_table("accounts")
