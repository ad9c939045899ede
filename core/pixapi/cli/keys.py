"""`pixapi keys`: API keys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from pixapi.cli.common import Duration, config_option, emit, json_option, load, migrated_database
from pixapi.clock import SystemClock, iso
from pixapi.money import format_credits, parse_credits

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection

    from pixapi.identity.audit import Actor
    from pixapi.identity.keys import KeyHasher
    from pixapi.identity.service import NewKey
    from pixapi.identity.views import ApiKey
    from pixapi.ledger.reads import KeyBudget


@click.group("keys")
def group() -> None:
    """API keys."""


@group.command("create")
@click.argument("email")
@click.option("--title", required=True, help="By which you will know it again.")
@click.option("--models", help="The only models it may use, such as gpt-5-mini,tiny-*.")
@click.option("--budget", help="The most credits it may ever spend.")
@click.option("--expires", type=Duration(), help="When it stops working, such as 30d.")
@click.option("--rpm", type=click.IntRange(min=1), help="Requests a minute.")
@click.option("--networks", help="The only networks it may be used from, such as 192.0.2.0/24,2001:db8::/32.")
@config_option
@json_option
def create(
    email: str, title: str, models: str | None, budget: str | None, expires: int | None, rpm: int | None,
    networks: str | None, config: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a key. It is printed now and never again."""
    from pixapi.identity.service import KeyTerms, create_key

    limit = None if budget is None else parse_credits(budget)
    with _writing(config) as (connection, actor, hasher):
        until = None if expires is None else actor.at_us + expires * 1_000_000
        terms = KeyTerms(_listed(models), _listed(networks), rpm, until, limit is not None)
        made = create_key(connection, actor, hasher, email, title, terms)
        if limit is not None:
            _set_budget(connection, made.key.id, limit)
    _warn_of_unknown(config, made.key.models)
    _print_new(made, as_json)


@group.command("list")
@click.argument("email", required=False)
@config_option
@json_option
def list_(email: str | None, config: str | None, as_json: bool) -> None:
    """All keys, or those of one user."""
    from pixapi.identity.service import list_keys
    from pixapi.ledger.reads import key_budgets

    with migrated_database(config) as database, database.read() as connection:
        keys = list_keys(connection, email)
        budgets = key_budgets(connection, [key.id for key in keys if key.has_budget])
    rows = [key_as_json(key, budgets.get(key.id)) for key in keys]
    columns = [
        "id",
        "email",
        "title",
        "prefix",
        "status",
        "created_at",
        "last_used_at",
        "expires_at",
        "budget",
        "spent",
    ]
    emit(
        rows, as_json, columns, empty="There are no keys; `pixapi keys create EMAIL --title TITLE` makes one."
    )


@group.command("revoke")
@click.argument("key_id")
@config_option
def revoke(key_id: str, config: str | None) -> None:
    """Stop a key for good, on every process within two seconds."""
    from pixapi.identity.service import revoke_key

    with _writing(config) as (connection, actor, _):
        key = revoke_key(connection, actor, key_id)
    click.echo(f"the key {key.id} ({key.title}) is revoked")


@group.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap", type=Duration(), default="24h", show_default=True, help="How long the old one still works."
)
@config_option
@json_option
def rotate(key_id: str, overlap: int, config: str | None, as_json: bool) -> None:
    """Give a key a new secret; the former one stops after the overlap.

    The key keeps its id, its terms and its history. Both secrets share its budget and its limits, so that neither can
    be overrun by using the two. In `pixapi keys list` the former secret has a line of its own, which says when it was
    last used; `pixapi keys revoke` with its id ends it at once.
    """
    from pixapi.identity.service import rotate_key

    with _writing(config) as (connection, actor, hasher):
        made = rotate_key(connection, actor, hasher, key_id, overlap * 1_000_000)
    _print_new(made, as_json)


@group.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@config_option
@json_option
def import_(file: IO[str], config: str | None, as_json: bool) -> None:
    """Take over keys from FILE (lines of email,key[,title]); only their hashes are stored."""
    from pixapi.identity.key_import import import_keys

    with _writing(config) as (connection, actor, hasher):
        lines = list(import_keys(connection, actor, hasher, file))
    rows = [{name: getattr(line, name) for name in line.__struct_fields__} for line in lines]
    emit(rows, as_json, empty="The file has no keys.")
    if any(line.outcome == "refused" for line in lines):
        click.echo(
            "Some lines were refused; the others are in. Mend them and import the file again.", err=True
        )
        raise click.exceptions.Exit(1)


@contextmanager
def _writing(config: str | None) -> Generator[tuple[Connection, Actor, KeyHasher]]:
    """A write transaction, who writes, and the hasher of this installation's keys."""
    from pixapi.identity.audit import Actor
    from pixapi.identity.keys import KeyHasher
    from pixapi.identity.secret import open_secret

    loaded = load(config)
    with migrated_database(config) as database, database.begin() as connection:
        secret = open_secret(connection, loaded.base_dir / loaded.settings.server.secret_file)
        yield connection, Actor("cli", SystemClock().now_us()), KeyHasher(secret)


def _warn_of_unknown(config: str | None, models: tuple[str, ...] | None) -> None:
    """A model may be added later, so that a key for one that is not there is no error, but may be a slip."""
    known = {model.id for model in load(config).settings.models}
    unknown = [name for name in models or () if "*" not in name and name not in known]
    if unknown:
        click.echo(f"note: no model of this name is configured: {', '.join(unknown)}", err=True)


def _set_budget(connection: Connection, key_id: str, micro: int) -> None:
    from pixapi.ledger import SetBudget, apply

    apply(connection, [SetBudget(key_id, micro)])


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _print_new(made: NewKey, as_json: bool) -> None:
    if as_json:
        emit({"key": made.secret, **key_as_json(made.key, None)}, True)
        return
    click.echo(made.secret)
    click.echo(
        f"That is the key {made.key.id} ({made.key.title}). It is shown now and never again.", err=True
    )


def key_as_json(key: ApiKey, budget: KeyBudget | None) -> dict[str, Any]:
    """A key as tables and `--json` print it; never the key itself."""
    return {
        "id": key.id,
        "email": key.email,
        "title": key.title,
        "prefix": key.prefix,
        "status": key.status(SystemClock().now_us()),
        "created_at": iso(key.created_at_us),
        "last_used_at": iso(key.last_used_at_us),
        "expires_at": iso(key.expires_at_us),
        "models": key.models,
        "networks": key.networks,
        "requests_per_minute": key.requests_per_minute,
        "budget": None if budget is None else format_credits(budget.budget),
        "spent": None if budget is None else format_credits(budget.spent),
        "replaced_by": key.replaced_by,
    }
