"""`pixapi users`: who may use the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, emit, json_option, load, migrated_database
from pixapi.clock import SystemClock, iso

if TYPE_CHECKING:
    from pixapi.identity.views import User


@click.group("users")
def group() -> None:
    """Who may use the gateway."""


@group.command("create")
@click.argument("email")
@click.option("--admin", is_flag=True, help="May use the admin pages and API.")
@click.option("--group", "group_name", default="default", show_default=True, help="The account's group.")
@config_option
@json_option
def create(email: str, admin: bool, group_name: str, config: str | None, as_json: bool) -> None:
    """Make a user and an account of theirs."""
    from pixapi.identity.audit import Actor
    from pixapi.identity.service import create_user

    with migrated_database(config) as database, database.begin() as connection:
        actor = Actor("cli", SystemClock().now_us())
        user = create_user(connection, actor, email, admin=admin, group=group_name)
    if group_name != "default" and group_name not in load(config).settings.groups:
        click.echo(f"note: no group of this name is configured: {group_name}", err=True)
    if as_json:
        emit(user_as_json(user), True)
    else:
        click.echo(f"made the user {user.email} with the account {user.account_id}")
        click.echo(
            f"next: pixapi credits grant {user.email} 100; pixapi keys create {user.email} --title first"
        )


@group.command("list")
@config_option
@json_option
def list_(config: str | None, as_json: bool) -> None:
    """All users."""
    from pixapi.identity.service import list_users

    with migrated_database(config) as database, database.read() as connection:
        rows = [user_as_json(user) for user in list_users(connection)]
    columns = ["email", "group", "admin", "status", "created_at", "id"]
    emit(rows, as_json, columns, empty="There are no users; `pixapi users create EMAIL` makes one.")


@group.command("show")
@click.argument("email")
@config_option
@json_option
def show(email: str, config: str | None, as_json: bool) -> None:
    """One user: account, balance and keys."""
    from pixapi.identity.lookup import find_user
    from pixapi.identity.service import list_keys
    from pixapi.ledger.reads import balance_of
    from pixapi.money import format_credits

    with migrated_database(config) as database, database.read() as connection:
        user = find_user(connection, email)
        balance = balance_of(connection, user.account_id)
        keys = list_keys(connection, email)
    now_us = SystemClock().now_us()
    shown = {
        **user_as_json(user),
        "balance": format_credits(balance.posted),
        "held": format_credits(balance.held),
        "active_keys": sum(key.status(now_us) == "active" for key in keys),
    }
    emit(shown, as_json)


@group.command("disable")
@click.argument("email")
@config_option
def disable(email: str, config: str | None) -> None:
    """Stop all keys of a user; nothing is deleted."""
    from pixapi.identity.audit import Actor
    from pixapi.identity.service import disable_user

    with migrated_database(config) as database, database.begin() as connection:
        user = disable_user(connection, Actor("cli", SystemClock().now_us()), email)
    click.echo(f"{user.email} is disabled; their keys stop within two seconds")


@group.command("enable")
@click.argument("email")
@config_option
def enable(email: str, config: str | None) -> None:
    """Undo `disable`."""
    from pixapi.identity.audit import Actor
    from pixapi.identity.service import enable_user

    with migrated_database(config) as database, database.begin() as connection:
        user = enable_user(connection, Actor("cli", SystemClock().now_us()), email)
    click.echo(f"{user.email} is enabled again")


def user_as_json(user: User) -> dict[str, Any]:
    """A user as tables and `--json` print it."""
    return {
        "id": user.id,
        "email": user.email,
        "account_id": user.account_id,
        "group": user.group,
        "admin": user.is_admin,
        "status": "active" if user.disabled_at_us is None else "disabled",
        "created_at": iso(user.created_at_us),
    }
