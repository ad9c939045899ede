"""What is taken out of an error's words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pixapi.errors import ConfigError, UpstreamError, UpstreamRejected
from pixapi.interfaces import Secret
from pixapi.pluginhost.confidential import Confidential
from pixapi.wire.openai_error_words import clean_words

KEY = "Quooxahfei4ohThu9eiv"


def left_of(words: str, *secrets: Secret) -> str:
    error = UpstreamError(words)
    Confidential(secrets).conceal(error)
    assert str(error) == error.message
    return error.message


@pytest.mark.parametrize(
    ("secret", "words", "expected"),
    [
        (KEY, f"{KEY} is not welcome, {KEY}!", "[redacted] is not welcome, [redacted]!"),
        (KEY, "nothing of the kind", "nothing of the kind"),
        ("none", "there is none of that name", "there is none of that name"),
        ("", "empty", "empty"),
        (KEY, f"cut off in {KEY[:12]}", "cut off in [redacted]"),
        (KEY, f"not enough of it: {KEY[:7]}", f"not enough of it: {KEY[:7]}"),
        ("abababababab-cd", "twice the same: abababab", "twice the same: [redacted]"),
        # What looks like a key is cut out before; what is around it is a part of this one.
        ("Aeph5/sk-Aeph5oog/ahw3Oo", clean_words("the key Aeph5/sk-Aeph5oog/ahw3Oo."), "the key [redacted]."),
    ],
)
def test_a_secret_in_an_errors_words(secret: str, words: str, expected: str) -> None:
    assert left_of(words, Secret(secret)) == expected


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert left_of(f"got {KEY}-admin", Secret(KEY), Secret(f"{KEY}-admin")) == "got [redacted]"


def test_the_parts_of_a_secret_that_is_an_object() -> None:
    parts = {"key_id": "ASIAQUOOXAHFEI4OHTHU", "kind": "temporary", "nested": {"a": 1}, "secret": "/+" + KEY}
    words = f"ASIAQUOOXAHFEI4OHTHU is no temporary key of {KEY}"
    assert left_of(words, Secret(json.dumps(parts))) == f"[redacted] is no temporary key of {KEY}"
    assert left_of("{ is no object", Secret('{"half": ')) == "{ is no object"
    assert left_of("too deep", Secret('{"a":' * 100_000)) == "too deep"


def test_codes_are_words_too() -> None:
    error = UpstreamRejected("so", code=f"bad_{KEY}", upstream_code=f"BAD {KEY}", param=KEY)
    Confidential([Secret(KEY)]).conceal(error)
    assert (error.code, error.upstream_code, error.param) == (
        "bad_[redacted]",
        "BAD [redacted]",
        "[redacted]",
    )
    plain = UpstreamRejected("so")
    Confidential([Secret(KEY)]).conceal(plain)
    assert (plain.code, plain.upstream_code, plain.param) == ("invalid_request", None, None)


def test_a_secret_that_is_not_there_hides_nothing() -> None:
    assert (
        left_of("as it was", Secret(env="NO_SUCH_KEY_ANYWHERE"), Secret(file=Path("/nowhere"))) == "as it was"
    )


def test_a_file_that_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    secret = Secret(file=file)
    assert secret.reveal() == KEY
    monkeypatch.setattr("pixapi.interfaces.secret._RECHECK_S", 0.0)
    file.write_text("Oow9aich3ahY7uukaeth")
    os.utime(file, (1, 1))
    assert left_of(f"{KEY} was Oow9aich3ahY7uukaeth", secret) == "[redacted] was [redacted]"
    file.unlink()
    assert left_of(f"{KEY} was Oow9aich3ahY7uukaeth", secret) == "[redacted] was [redacted]"


def test_a_file_that_has_become_empty_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixapi.interfaces.secret._RECHECK_S", 0.0)
    file = tmp_path / "key"
    file.write_text("\n")
    secret = Secret(file=file)
    with pytest.raises(ConfigError, match="the secret file key is empty"):
        secret.reveal()
    file.write_text("first")
    assert secret.reveal() == "first"
    file.write_text("")
    assert secret.reveal() == "first"
    file.write_text("second")
    assert secret.reveal() == "second"
    assert secret.held() == ("second", "first")


def test_credentials_that_were_obtained() -> None:
    """The one in use, and the one before: a call under way may have been sent with it."""
    confidential = Confidential()
    for token in ("first-of-three", "second-of-three", "third-of-three"):
        confidential.add(Secret(token))
    error = UpstreamError("first-of-three, second-of-three, third-of-three")
    confidential.conceal(error)
    assert error.message == "first-of-three, [redacted], [redacted]"
