"""The totals of a user's keys are found by the user, so that the dearest of many users are found at once."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_usage_by_key_total_user_id"), "usage_by_key_total", ["user_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_usage_by_key_total_user_id"), table_name="usage_by_key_total")
