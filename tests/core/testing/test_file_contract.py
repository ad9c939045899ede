"""The contract of a provider whose replies name files finds what it is there to find."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from pixapi.interfaces import Call, HttpReply, Provider, ProviderType, Result, Usage
from pixapi.testing.contracts.provider import ProviderSuite
from pixapi.testing.contracts.recorded import Recorded
from pixapi_providers.ideogram import Config, Ideogram

ITEM = {"url": "https://files.vendor.test/a?x=1&y=2", "is_image_safe": True}
WHOLE = Recorded("one", json.dumps({"data": [ITEM]}).encode(), operation="images", usage=None)
Files = Mapping[str, HttpReply]


class Charges(Ideogram):
    """Counts the files."""

    def with_files(self, call: Call, result: Result, files: Files) -> Result:
        whole = super().with_files(call, result, files)
        return msgspec.structs.replace(whole, usage=Usage(images=1 + len(files)))


class Drops(Ideogram):
    """Leaves nothing in the place of what did not come."""

    def with_files(self, call: Call, result: Result, files: Files) -> Result:
        whole = super().with_files(call, result, files)
        items = [item for item in json.loads(whole.body or b"")["data"] if "url" not in item]
        return msgspec.structs.replace(whole, body=json.dumps({"data": items}).encode())


class Trusts(Ideogram):
    """Takes whatever came for a picture."""

    def with_files(self, call: Call, result: Result, files: Files) -> Result:
        return msgspec.structs.replace(result, body=b'{"data":[]}') if files else result


class Keeps(Ideogram):
    """Does nothing with what came."""

    def with_files(self, call: Call, result: Result, files: Files) -> Result:
        return result


class Roams(Ideogram):
    """Names no host."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.file_hosts = ()


class Rambles(Ideogram):
    """Names what is no host."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.file_hosts = ("ftp://files.vendor.test",)


TAKEN, LEFT, HOSTS = (
    "a-file-takes-the-place-of-its-address",
    "what-did-not-come-stays-an-address",
    "the-hosts-of-files-are-hosts",
)


@pytest.mark.parametrize(
    ("built", "broken"),
    [
        (Ideogram, set()),
        (Charges, {TAKEN, LEFT}),
        (Drops, {LEFT}),
        (Trusts, {LEFT}),
        (Keeps, {TAKEN}),
        (Roams, {HOSTS}),
        (Rambles, {HOSTS}),
    ],
)
def test_each_fault_is_found(built: type[Provider], broken: set[str]) -> None:
    kind = ProviderType("pictures", "Pictures", Config, built, "documented")
    found = set()
    values: dict[str, Any] = {"api_key": "a-key-for-tests"}
    for promise in ProviderSuite(kind, values, (WHOLE,)).promises():
        try:
            promise.keep()
        except Exception:
            found.add(promise.name.partition("[")[0])
    assert found == broken
