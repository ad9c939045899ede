"""The provider `ideogram`: pictures of Ideogram, and edits of pictures.

Source: Ideogram API reference, v2 (https://developer.ideogram.ai): the key goes as ``Api-Key``, requests are forms, the
model is the last part of the address (`ideogram-4-5`, `ideogram-4`, `ideogram-3`, ...). A reply holds only addresses,
which expire after some hours; the core fetches what lies there, unless the caller asked for addresses. Errors are
``{"error", "reject_reason"}``: 422 is a prompt that was refused, 402 an empty account, 429 too many pictures under way.

Ideogram bills its account for a picture that its filter withholds; the caller here does not pay for it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    Decoder,
    Fetches,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.ideogram_images import addresses, read_ideogram_reply, with_bytes, write_ideogram_call
from pixapi.wire.image_errors import read_image_error
from pixapi.wire.image_file import image_kind
from pixapi.wire.multipart import write_form
from pixapi.wire.openai_images import read_images_call

PIXAPI_INTERFACE = 1


Host = Annotated[str, Field(pattern=r"^(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]


class Config(PluginConfig):
    """Settings of a provider with `use = "ideogram"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.ideogram.ai"
    """Where the API lies, without `/v2`."""
    file_hosts: list[Host] = ["ideogram.ai"]
    """Hosts that images are fetched from; what lies elsewhere stays an address."""


class Ideogram(Provider, Fetches):
    """One configured upstream of Ideogram."""

    operations = frozenset({"images", "image_edits"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.base_url.rstrip("/").removesuffix("/v2")
        self.file_hosts = tuple(config.file_hosts)

    def request(self, call: Call) -> HttpRequest:
        asked = read_images_call(call, ("quality",))
        task, fields, files = write_ideogram_call(call.model, asked)
        kind, body = write_form(fields, files, call.id)
        headers = (
            ("api-key", self._config.api_key.reveal()),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("content-type", kind),
        )
        url = f"{self._root}/v2/image/{task}/{quote(call.model, safe='')}"
        return HttpRequest("POST", url, headers, body, paid=True)

    def result(self, call: Call, reply: HttpReply) -> Result:
        return read_ideogram_reply(call, reply.body)

    def files(self, call: Call, result: Result) -> Sequence[str]:
        return addresses(call, result)

    def with_files(self, call: Call, result: Result, files: Mapping[str, HttpReply]) -> Result:
        images = {
            url: base64.b64encode(reply.body).decode()
            for url, reply in files.items()
            if image_kind(reply.body) is not None
        }
        return with_bytes(result, images)

    def decoder(self, call: Call) -> Decoder:
        raise BadRequest("images are not streamed here; leave `stream` out", param="stream")

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_image_error(reply.status, reply.body, reply.headers)


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Ideogram: images with legible text, remixes and edits of images"
    return [ProviderType("ideogram", summary, Config, Ideogram, "documented")]
