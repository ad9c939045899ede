"""The contract of a provider: what it says about itself, and the requests that it makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    CountsTokens,
    Fetches,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Provider,
    ProviderType,
    Serves,
)
from pixapi.interfaces.call import Dialect, Operation
from pixapi.interfaces.provider import Evidence
from pixapi.testing.contracts.calls import (
    ALIAS,
    BROKEN,
    MODEL,
    ODD,
    call,
    chat,
    dialects_to_try,
    in_dialect,
    one_by_one,
    ordinary,
)
from pixapi.testing.contracts.damaged import damage_promises, key_promises
from pixapi.testing.contracts.files import file_promises
from pixapi.testing.contracts.promises import (
    Promise,
    config_is_documented,
    ensure,
    promise,
    secrets_in,
    secrets_stay_hidden,
    settings,
    with_secrets,
)
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.contracts.replies import (
    DISGUISES,
    PLAIN_KEY,
    error_promises,
    reply_promises,
)
from pixapi.testing.contracts.streams import stream_promises
from pixapi.testing.contracts.telling import telling_promises, text_of

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BY_THE_PIECE: frozenset[Operation] = frozenset({"images", "image_edits"})


class ProviderSuite:
    """The promises of one kind of provider, tried on one set of settings."""

    def __init__(
        self,
        kind: ProviderType,
        config: Mapping[str, Any] | PluginConfig,
        recorded: tuple[Recorded, ...],
    ) -> None:
        self.kind = kind
        self.config = settings(kind.config, config)
        self.provider: Provider = kind.build(self.config)
        self.recorded = recorded

    def promises(self) -> list[Promise]:
        """All of them, in the order in which their failures are best mended."""
        found = [
            promise(config_is_documented, self.kind.config),
            promise(secrets_stay_hidden, self.config, self.provider),
            promise(self.it_is_named_and_described),
            promise(self.it_builds_a_provider),
        ]
        for operation in sorted(self.provider.operations):
            found += [
                promise(self.a_request_is_addressed, operation, about=operation),
                promise(self.a_request_is_pure, operation, about=operation),
                promise(self.a_request_names_the_routes_model, operation, about=operation),
                promise(self.a_request_keeps_its_key_in_headers, operation, about=operation),
            ]
        if "chat" in self.provider.operations:
            found += [promise(self.the_cap_on_output_is_kept), promise(self.a_stream_is_asked_for)]
            found += [
                promise(self.a_caller_of_any_dialect_is_served, dialect, about=dialect)
                for dialect in dialects_to_try(self.provider)
            ]
            bodies = {**ODD, **BROKEN}
            found += [
                promise(self.only_bad_requests_are_refused, bodies[name], about=name) for name in bodies
            ]
            found += telling_promises(self.provider)
            found.append(promise(self.a_deep_hole_is_no_trap))
        found += [promise(self.a_bound_is_a_quantity), promise(self.a_probe_is_free)]
        if isinstance(self.provider, CountsTokens):
            found += [
                promise(self.a_count_is_free, self.provider),
                promise(self.a_count_is_one, self.provider),
            ]
        found += reply_promises(self.provider, self.recorded)
        if isinstance(self.provider, Fetches):
            found += file_promises(self.provider, self.recorded)
        found += error_promises(self.provider, self.recorded)
        if any(secrets_in(self.config)):
            keyed = self.kind.build(with_secrets(self.config, PLAIN_KEY))
            found += key_promises(keyed, self.recorded)
        if "chat" in self.provider.operations:
            found += stream_promises(self.provider, self.recorded)
        return found + damage_promises(self.provider, self.recorded)

    def it_is_named_and_described(self) -> None:
        """The kind has a name to write after `use`, a line about itself, and says how it was tested."""
        ensure(_NAME.fullmatch(self.kind.name), "the name must be of small letters, digits and _")
        ensure(self.kind.summary.strip(), "the summary is empty; one line says what the provider offers")
        ensure(
            "\n" not in self.kind.summary and len(self.kind.summary) <= 120, "the summary is no short line"
        )
        ensure(self.kind.evidence in get_args(Evidence), f"evidence is none of {get_args(Evidence)}")

    def it_builds_a_provider(self) -> None:
        """The built thing is a Provider, and knows what it can do."""
        ensure(isinstance(self.provider, Provider), "build() returned something that is no Provider")
        known = set(get_args(Operation))
        operations = set(self.provider.operations)
        ensure(operations and operations <= known, f"operations must be some of {', '.join(sorted(known))}")

    def a_request_is_addressed(self, operation: Operation) -> None:
        """An absolute URL, headers as HTTP allows them, and no claim to be a job."""
        request = self.provider.request(one_by_one(self.provider, operation))
        if not isinstance(self.provider, Serves):
            parts = urlsplit(request.url)
            ensure(parts.scheme in ("http", "https") and parts.hostname, "the URL is not absolute")
        names = [name.lower() for name, _ in request.headers]
        ensure(len(names) == len(set(names)), "a header is there twice")
        ensure(
            "host" not in names and "content-length" not in names, "host and content-length are the core's"
        )
        ensure(
            not any(sign in name + value for name, value in request.headers for sign in "\r\n\0"),
            "a header holds a line end",
        )
        ensure(
            operation in _BY_THE_PIECE or not request.paid,
            "`paid` is for what is made by the piece: after a lost reply this call would be refused to other routes",
        )

    def a_request_is_pure(self, operation: Operation) -> None:
        """The same call gives the same request, and is left as it was."""
        asked, again = (one_by_one(self.provider, operation) for _ in range(2))
        ensure(self.provider.request(asked) == self.provider.request(asked), "a second request differs")
        ensure(asked == again, "request() changed the call")

    def a_request_names_the_routes_model(self, operation: Operation) -> None:
        """The vendor is asked for `call.model`; what the caller called it stays here."""
        text = text_of(self.provider.request(one_by_one(self.provider, operation)))
        ensure(MODEL in text, "the request does not name call.model")
        ensure(ALIAS not in text, "the request names call.alias, which only the caller knows")

    def a_request_keeps_its_key_in_headers(self, operation: Operation) -> None:
        """URLs and bodies are logged by everyone on the way; a key does not belong there."""
        request = self.provider.request(one_by_one(self.provider, operation))
        for secret in secrets_in(self.config):
            ensure(secret not in request.url, "the key is in the URL")
            ensure(secret.encode() not in request.data, "the key is in the body")

    def the_cap_on_output_is_kept(self) -> None:
        """`call.output_cap` is what the call was priced for: never ask for more."""
        caps: list[dict[str, Any]] = [{}, {"max_tokens": 987_654}, {"max_completion_tokens": 987_654}]
        for asked in caps:
            numbers = set(_numbers(self.provider.request(chat(output_cap=77, **asked))))
            ensure(77 in numbers, "the request does not hold call.output_cap")
            ensure(987_654 not in numbers, "the request asks for more output than call.output_cap")

    def a_stream_is_asked_for(self) -> None:
        """A call to be streamed asks for it."""
        whole, stream = (self.provider.request(chat(stream=flag)) for flag in (False, True))
        ensure((whole.url, whole.body) != (stream.url, stream.body), "call.stream changes nothing")

    def a_caller_of_any_dialect_is_served(self, dialect: Dialect) -> None:
        """Where the dialect is not the provider's, `call.chat` is what is asked for, and `call.fields` are not."""
        asked = in_dialect(chat("what is asked", output_cap=77, stream=True), dialect, self.provider)
        request = self.provider.request(asked)
        text = text_of(request)
        ensure(MODEL in text and "what is asked" in text, "the request lacks the model or the caller's words")
        ensure(77 in set(_numbers(request)), "the request does not hold call.output_cap")
        ensure("a_field_of_another_dialect" not in text, "the request holds fields of another dialect")

    def only_bad_requests_are_refused(self, body: dict[str, Any]) -> None:
        """Whatever the caller sends: a request, or BadRequest with a sentence; never another error.

        A body that is no conversation comes to a provider of the caller's own dialect only; for others the core
        has refused it before, where it reads `call.chat`.
        """
        for stream in (False, True):
            asked = call({**body, "stream": stream}, output_cap=50)
            if asked.chat is None and asked.dialect not in self.provider.dialects:
                continue
            try:
                request = self.provider.request(asked)
            except BadRequest as error:
                ensure(len(error.message) > 10, "the refusal says nothing")
                continue
            ensure(isinstance(request, HttpRequest), "request() returned no HttpRequest")

    def a_deep_hole_is_no_trap(self) -> None:
        """A body that is nested without end is refused or passed on, like any other."""
        for name in ("messages", "tools", "response_format", "a_field_of_tomorrow"):
            asked = chat()
            asked.fields[name] = msgspec.Raw(b"[" * 20_000 + b"]" * 20_000)
            try:
                self.provider.request(asked)
            except BadRequest:
                continue

    def a_bound_is_a_quantity(self) -> None:
        """`bound` states whole numbers, none below zero, or leaves it to the core."""
        for asked in self._calls():
            usage = self.provider.bound(asked)
            if usage is not None:
                ensure(min(usage.total_input(), usage.total_output()) >= 0, "a bound is below zero")

    def a_probe_is_free(self) -> None:
        """The request of `pixapi check --live` costs nothing."""
        probe = self.provider.probe()
        if probe is not None:
            ensure(not probe.paid, "the probe creates a job")
            ensure(MODEL not in text_of(probe), "the probe asks for a model of some call")

    def a_count_is_free(self, counts: CountsTokens) -> None:
        """Tokens are counted for nothing, for callers of any dialect, of the model that the route names."""
        for dialect in dialects_to_try(self.provider):
            request = counts.count_request(in_dialect(chat("what is asked"), dialect, self.provider))
            ensure(not request.paid, "the count is paid")
            text = text_of(request)
            ensure(
                MODEL in text and "what is asked" in text, "the request lacks the model or the caller's words"
            )

    def a_count_is_one(self, counts: CountsTokens) -> None:
        """A 200 that holds no count is an UpstreamError."""
        for name, body in DISGUISES.items():
            try:
                counts.count(chat(), HttpReply(200, {}, body))
            except UpstreamError:
                continue
            raise AssertionError(f"count() took {name} for a count")

    def _calls(self) -> Iterator[Call]:
        for operation in sorted(self.provider.operations):
            yield ordinary(operation)


def _numbers(request: HttpRequest) -> Iterator[int]:
    """Every whole number in a body, JSON or not."""
    try:
        yield from _numbers_in(json.loads(request.data))
    except ValueError:
        yield from map(int, re.findall(r"\d+", request.data.decode("utf-8", "replace")))


def _numbers_in(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers_in(item)
