"""Keys in memory: what is let in, and how soon changes are seen by every process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pixapi.clock import ManualClock, SystemClock
from pixapi.db.engine import Database
from pixapi.errors import Forbidden, NotReady, Unauthenticated
from pixapi.identity import repository, service
from pixapi.identity.audit import Actor
from pixapi.identity.keyring import STALE_S, Keyring
from pixapi.identity.keys import KeyHasher
from pixapi.identity.service import KeyTerms, NewKey

MINUTE_US = 60_000_000
MakeKey = Callable[..., NewKey]


@asynccontextmanager
async def running(keyring: Keyring) -> AsyncIterator[Keyring]:
    await keyring.start()
    try:
        yield keyring
    finally:
        await keyring.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; the test's own time-out ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - the database changes, and nothing in this process tells
        await asyncio.sleep(0.01)


def knows(keyring: Keyring, secret: str) -> bool:
    try:
        keyring.lookup(secret, None)
    except Unauthenticated:
        return False
    return True


@pytest.fixture
def clock(actor: Actor) -> ManualClock:
    return ManualClock(actor.at_us)


async def test_a_key_leads_to_its_principal(
    database: Database, secret: bytes, clock: ManualClock, user_with_key: MakeKey
) -> None:
    made = user_with_key(terms=KeyTerms(("echo",), None, 7, None, True))
    async with running(Keyring(database, secret, clock)) as keyring:
        principal = keyring.lookup(made.secret, "203.0.113.9")
    assert (principal.key_id, principal.account_id, principal.user_id) == (
        made.key.id, made.key.account_id, made.key.user_id,
    )  # fmt: skip
    assert (principal.models, principal.requests_per_minute, principal.budgeted) == (("echo",), 7, True)
    assert (principal.group, principal.networks) == ("default", None)


async def test_all_that_is_not_a_good_key_is_refused_in_the_same_words(
    database: Database, secret: bytes, clock: ManualClock, actor: Actor, user_with_key: MakeKey
) -> None:
    revoked, expired = user_with_key(), user_with_key(terms=KeyTerms(expires_at_us=actor.at_us + MINUTE_US))
    disabled = user_with_key("bob@example.com")
    with database.begin() as connection:
        service.revoke_key(connection, actor, revoked.key.id)
        service.disable_user(connection, actor, "bob@example.com")
    words = set()
    async with running(Keyring(database, secret, clock)) as keyring:
        assert knows(keyring, expired.secret)
        clock.advance(5)
        await keyring.refresh()
        clock.advance(5)
        await keyring.refresh()
        for _ in range(5):
            clock.advance(10)
            await keyring.refresh()
        for key in (revoked.secret, expired.secret, disabled.secret, "", "x", "pix_\ud800", "k" * 10_000):
            with pytest.raises(Unauthenticated) as refused:
                keyring.lookup(key, None)
            words.add((refused.value.message, refused.value.code))
    assert len(words) == 1


@pytest.mark.parametrize(
    ("client_ip", "allowed"),
    [
        ("192.0.2.77", True),
        ("::ffff:192.0.2.77", True),
        ("2001:db8::5", True),
        ("198.51.100.1", False),
        ("2001:db9::5", False),
        ("not an address", False),
        (None, False),
    ],
)
async def test_a_key_may_be_bound_to_networks(
    database: Database,
    secret: bytes,
    clock: ManualClock,
    user_with_key: MakeKey,
    client_ip: str | None,
    allowed: bool,
) -> None:
    made = user_with_key(terms=KeyTerms(networks=("192.0.2.0/24", "2001:db8::/32")))
    async with running(Keyring(database, secret, clock)) as keyring:
        if allowed:
            keyring.lookup(made.secret, client_ip)
        else:
            with pytest.raises(Forbidden, match="network address"):
                keyring.lookup(made.secret, client_ip)


async def test_a_revoked_key_dies_on_every_process(
    database: Database, secret: bytes, actor: Actor, user_with_key: MakeKey
) -> None:
    made, other = user_with_key(), user_with_key()
    clock = SystemClock()
    async with (
        running(Keyring(database, secret, clock)) as one,
        running(Keyring(database, secret, clock)) as two,
    ):
        assert knows(one, made.secret)
        assert knows(two, made.secret)
        with database.begin() as connection:
            service.revoke_key(connection, actor, made.key.id)
        # Nothing but each keyring's own poll makes it disappear: neither is asked to refresh.
        async with asyncio.timeout(20):
            await until(lambda: not knows(one, made.secret) and not knows(two, made.secret))
        assert knows(one, other.secret)


async def test_a_disabled_account_dies_and_comes_back(
    database: Database, secret: bytes, clock: ManualClock, actor: Actor, user_with_key: MakeKey
) -> None:
    made = user_with_key()
    async with running(Keyring(database, secret, clock)) as keyring:
        for change, good in ((service.disable_user, False), (service.enable_user, True)):
            with database.begin() as connection:
                change(connection, actor, "ada@example.com")
            await keyring.refresh()
            assert knows(keyring, made.secret) is good


async def test_a_new_key_works_at_once(
    database: Database, secret: bytes, clock: ManualClock, user_with_key: MakeKey
) -> None:
    async with running(Keyring(database, secret, clock)) as keyring:
        for _ in range(3):
            made = user_with_key()
            assert not knows(keyring, made.secret)
            await keyring.refresh()
            assert knows(keyring, made.secret)


async def test_many_unknown_keys_share_one_look(
    database: Database, secret: bytes, clock: ManualClock, user_with_key: MakeKey
) -> None:
    made = user_with_key()
    async with running(Keyring(database, secret, clock)) as keyring:
        with database.begin() as connection:
            repository.bump_revision(connection)
        answers = [asyncio.create_task(keyring.refresh()) for _ in range(500)]
        await asyncio.sleep(0)
        answers[0].cancel()
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        # All the others were told by the one look that there was a change.
        assert set(found[1:]) == {True}
        assert knows(keyring, made.secret)


async def test_both_secrets_of_a_rotated_key_are_that_key_until_the_overlap_ends(
    database: Database,
    secret: bytes,
    clock: ManualClock,
    actor: Actor,
    hasher: KeyHasher,
    user_with_key: MakeKey,
) -> None:
    made = user_with_key(terms=KeyTerms(has_budget=True))
    async with running(Keyring(database, secret, clock)) as keyring:
        before = keyring.lookup(made.secret, None)
        with database.begin() as connection:
            new = service.rotate_key(connection, actor, hasher, made.key.id, 5_000_000)
        await keyring.refresh()
        former = keyring.lookup(made.secret, None)
        assert keyring.lookup(new.secret, None) == before
        assert (former.key_id, former.budgeted) == (made.key.id, True)
        clock.advance(5)
        assert not knows(keyring, made.secret)
        assert knows(keyring, new.secret)
    assert former.former_id is not None
    with database.read() as connection:
        used = service.require_key(connection, former.former_id).last_used_at_us
        assert used == actor.at_us, "whether the former secret is still in use can be seen"


async def test_uses_are_written_and_never_go_back(
    database: Database, secret: bytes, clock: ManualClock, user_with_key: MakeKey
) -> None:
    made, unused = user_with_key(), user_with_key()
    async with running(Keyring(database, secret, clock)) as keyring:
        keyring.used(made.key.id)
        keyring.used(made.key.id)
    with database.begin() as connection:
        repository.mark_used(connection, [(made.key.id, clock.now_us() - 1)])
        assert service.require_key(connection, made.key.id).last_used_at_us == clock.now_us()
        assert service.require_key(connection, unused.key.id).last_used_at_us is None


async def test_out_of_touch_for_too_long_nobody_is_vouched_for(
    sqlite_url: str, tmp_path, secret: bytes, clock: ManualClock, actor: Actor, hasher: KeyHasher
) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        made = service.create_key(connection, actor, hasher, "ada@example.com", "t", KeyTerms())
    async with running(Keyring(database, secret, clock)) as keyring:
        database.close()
        file = tmp_path / "pixapi.db"
        file.rename(tmp_path / "gone.db")
        (tmp_path / "pixapi.db").mkdir()
        with pytest.raises(NotReady):
            await keyring.refresh()
        clock.advance(STALE_S - 1)
        assert knows(keyring, made.secret)
        keyring.used(made.key.id)
        clock.advance(2)
        with pytest.raises(NotReady, match="does not answer"):
            keyring.lookup(made.secret, None)
        database.close()
        (tmp_path / "pixapi.db").rmdir()
        (tmp_path / "gone.db").rename(file)
        await keyring.refresh()
        assert knows(keyring, made.secret)
    with database.read() as connection:
        assert service.require_key(connection, made.key.id).last_used_at_us is not None
    database.close()


async def test_a_process_that_stood_still_looks_before_it_answers(
    database: Database, secret: bytes, clock: ManualClock, actor: Actor, user_with_key: MakeKey
) -> None:
    made, revoked = user_with_key(), user_with_key()
    async with running(Keyring(database, secret, clock)) as keyring:
        with database.begin() as connection:
            service.revoke_key(connection, actor, revoked.key.id)
        clock.advance(STALE_S + 1)
        with pytest.raises(NotReady):
            keyring.lookup(made.secret, None)
        await asyncio.gather(*(keyring.catch_up() for _ in range(50)))
        assert knows(keyring, made.secret)
        assert not knows(keyring, revoked.secret)


async def test_a_database_known_to_be_away_is_not_waited_for(
    sqlite_url: str, tmp_path, secret: bytes, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    async with running(Keyring(database, secret, clock)) as keyring:
        database.close()
        file = tmp_path / "pixapi.db"
        file.rename(tmp_path / "gone.db")
        file.mkdir()
        with pytest.raises(NotReady):
            await keyring.catch_up()
        await until(lambda: "keyring_out_of_touch" in caplog.text)
        clock.advance(STALE_S + 1)
        await keyring.catch_up()  # and no look, which would raise
        with pytest.raises(NotReady, match="does not answer"):
            keyring.lookup("pix_x", None)
        file.rmdir()
        (tmp_path / "gone.db").rename(file)
    database.close()


async def test_before_it_is_started_it_vouches_for_nobody(database: Database, secret: bytes) -> None:
    with pytest.raises(NotReady):
        Keyring(database, secret, SystemClock()).lookup("pix_x", None)
