"""Every setting of the core, as `pixapi.toml` spells it. The docstrings are the reference documentation.

Plugins' own settings (the tables of providers, guards, prices and so on) stay raw here, in `PluginTable`; the
plugin host validates them against the plugin's `Config`.
"""

from __future__ import annotations

from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pixapi.config.price import Price
from pixapi.config.reference import Unresolved
from pixapi.config.section import Name, Positive, Seconds, Section

_DATABASES = ("sqlite:///", "sqlite+pysqlite:///", "postgresql+psycopg://", "postgresql://", "postgres://")
"""How the addresses of databases begin that are served."""


class Server(Section):
    """Where the gateway listens and how it is reached."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The port to listen on."""
    public_url: str = "http://127.0.0.1:8000"
    """How consumers reach the gateway; links are made of it."""
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    """Networks whose X-Forwarded-For is believed."""
    secret_file: str = "data/secret.key"  # noqa: S105 - a path
    """The file with the secret that API keys are hashed with; made by `pixapi db upgrade` where it is missing."""
    max_body_bytes: Positive = 32 * 1024 * 1024
    """The largest request body; a larger one is refused with 413."""
    upload_folder: Annotated[str, Field(pattern="^/")] | None = None
    """Where large files of forms lie, without a name, while their call is served: an absolute path; the system's folder
    for temporary files if not set. It needs room for `max_body_bytes` times the calls at once.
    """
    keepalive_s: Seconds = 15
    """How long a stream may be silent before a keep-alive comment is sent, before its first event too."""
    write_s: Seconds = 300
    """How long a caller may take nothing of its reply before its connection is closed (on Linux)."""
    cors_origins: list[str] = []
    """Origins whose browsers may call the API; "*" allows all."""
    shutdown_s: Seconds = 30
    """How long calls under way may go on after a signal to stop."""


class Database(Section):
    """Where everything is stored."""

    url: str = "sqlite:///data/pixapi.db"
    """`sqlite:///FILE` (relative to the configuration file) or `postgresql+psycopg://...`."""

    @field_validator("url")
    @classmethod
    def _is_served(cls, value: str) -> str:
        if not value.startswith(_DATABASES):
            raise ValueError(
                "expected sqlite:///FILE or postgresql+psycopg://..."
            )  # the value may hold a password
        return value


class Redis(Section):
    """Optional: limits that hold across several processes."""

    url: str
    """`redis://...`."""


class Credits(Section):
    """What credits are worth and what happens when they run short."""

    per_usd: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(100)
    """Credits that one US dollar buys."""
    on_low_balance: Literal["clamp", "reject"] = "clamp"
    """A call that the balance does not cover: lower its output cap to what is affordable, or refuse it."""
    min_output: Positive = 256
    """The lowest cap, in tokens, that `clamp` sets; below it the call is refused."""
    overrun: Annotated[float, Field(ge=1, le=1000)] = 10
    """A call that is said to have used more input than was held for is charged for at most this many times as much
    input; the rest is written off. Output is charged up to the call's cap.
    """


class PluginTable(BaseModel):
    """A configured plugin: `use` names it, all other keys are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    use: str
    """The plugin: an entry point's name, or a file (`./acme.py`) relative to the configuration file."""

    @property
    def settings(self) -> dict[str, Any]:
        """The plugin's own keys, not validated."""
        return self.model_extra or {}


class ProviderTable(PluginTable):
    """A configured provider, with one key or several."""

    keys: Annotated[list[Any], Field(min_length=1)] | None = None
    """Several keys in place of the plugin's own: a list of values of `api_key`, or of tables of whatever settings
    differ. Calls take them in turn; each has its own health.
    """

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: list[Any] | None) -> list[Any] | None:
        for number, key in enumerate(keys or [], 1):
            if not key or not isinstance(key, str | dict | Unresolved):
                raise ValueError(
                    f"number {number} is no key; expected a value of `api_key`, or a table of settings"
                )
        return keys


class Routing(Section):
    """What happens when a model's server fails: what else a call tries, and what is left alone for a while."""

    attempts: Positive = 3
    """The most attempts of one call on one route with one key; where the server asked for a wait, they do not count."""
    retry_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Attempts on what is not in good health, as a share of the calls of the last seconds, for the whole process."""
    retries_per_second: Annotated[float, Field(ge=0)] = 5
    """Such attempts that are allowed beyond that share."""
    max_wait_s: Annotated[float, Field(ge=0)] = 2
    """Where servers ask for a short wait and no other route is well, the longest that a call waits, in all."""
    failures: Positive = 3
    """Failures in a row that put a route on cool-down."""
    error_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of failed calls that does so too..."""
    min_calls: Positive = 10
    """...among this many at least."""
    window_s: Seconds = 30
    """The span of time that the share is taken over; what is older weighs less and less."""
    cooldown_s: Seconds = 5
    """The first cool-down; it doubles with each failed probe. A server's own Retry-After goes before."""
    cooldown_max_s: Seconds = 300
    """The longest cool-down."""
    dead_key_s: Seconds = 300
    """How long a key that was refused, or whose account is spent, is left alone; a reload ends it."""
    dead_key_max_s: Seconds = 3600
    """The longest time that it is left alone, after repetitions."""


class Route(Section):
    """One way to serve a model."""

    provider: Name
    """The name of a table under `[providers]`."""
    model: str
    """The model's name at that provider."""
    priority: Positive = 1
    """Routes of a lower number are tried first."""
    weight: Positive = 1
    """The share of calls among routes of the same priority."""
    connect_s: Seconds = 5
    """How long connecting may take."""
    first_byte_s: Seconds = 600
    """How long the first byte of a reply may take."""
    idle_s: Seconds = 300
    """How long a reply may be silent."""
    total_s: Seconds = 3600
    """How long a call may take in all."""


class Model(Section):
    """A model of the catalog."""

    id: Name
    """The name consumers use."""
    routes: Annotated[list[Route], Field(min_length=1)]
    """The ways to serve it."""
    price: Price
    """What consumers pay."""
    cost: Price | None = None
    """What the vendor charges, in the same form; for margin reports."""
    operation: Literal[
        "chat",
        "embeddings",
        "images",
        "image_edits",
        "speech",
        "transcriptions",
        "moderations",
        "rerank",
        "any",
    ] = "any"
    """What the model is for; `any` leaves it to the provider."""
    default_output: Positive = 8192
    """The cap on output tokens where the caller gives none; a call is priced by it. Of a model that makes images: the
    most tokens that one image can be.
    """
    image_bound: Positive = 4096
    """The most input tokens that one image or file is priced at beforehand."""
    hosted_tools: list[str] = []
    """Tools that the vendor runs itself (searches, code, MCP servers) and that callers may ask for, by the vendor's own
    words without dates: `web_search`, `googleSearch`. Others are refused.
    """
    hosted_tool_input: Positive = 16_384
    """Input tokens that are held for each of these in a call: what it may read."""
    max_input: Positive | None = None
    """The most input tokens that one call can use, such as the model's context; what is said to be beyond it is
    written off. Without it, `overrun` times what was held for.
    """
    on_disconnect: Literal["abort", "drain"] = "abort"
    """When a consumer leaves: close the upstream, or read on to the end for an exact bill."""
    drain_s: Seconds = 120
    """How long `drain` reads on at most."""
    owned_by: str = "pixapi"
    """Shown in the list of models."""
    created: int = 1735689600
    """Unix seconds; shown in the list of models."""


class Group(Section):
    """Accounts in this group pay by a factor and see these models."""

    price_factor: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(1)
    """Every price is multiplied by it."""
    models: list[str] | None = None
    """The models they see, `*` at the end of a name stands for anything; without it, all."""


class Limits(Section):
    """What one key may do; a key's own limit on requests comes on top."""

    requests_per_minute: Positive = 600
    """Requests a minute."""
    tokens_per_minute: Positive = 1_000_000
    """Tokens a minute, input and output; what a call may use at most counts until its usage is known."""
    concurrent_requests: Positive = 200
    """Calls at once."""


class Retention(Section):
    """How long things are kept, in days."""

    usage_days: Positive = 730
    """Charges and their receipts. Of UTC months that are older `pixapi privacy purge` keeps the sums."""
    requests_days: Positive = 30
    """The log of refused and failed requests."""


class Privacy(Section):
    """What is recorded of people's use."""

    payload_logging: Literal["off", "metadata"] = "metadata"
    """What the request log keeps: nothing of failed requests, or everything but their bodies."""
    retention: Retention = Retention()


class Telemetry(Section):
    """Logs and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe line that is written; `debug` has a line for every request."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object a line, or text for people."""
    otlp_endpoint: str | None = None
    """Where OpenTelemetry traces go (needs `pixapi[otlp]`), such as http://127.0.0.1:4318."""
    metrics_token: str | None = None
    """If set, `/metrics` wants it as a bearer token."""


class Settings(Section):
    """The whole of `pixapi.toml`."""

    server: Server = Server()
    database: Database = Database()
    redis: Redis | None = None
    credits: Credits = Credits()
    providers: dict[Name, ProviderTable] = {}
    routing: Routing = Routing()
    models: list[Model] = []
    groups: dict[Name, Group] = {}
    guards: dict[Name, PluginTable] = {}
    prices: dict[Name, PluginTable] = {}
    limits: Limits = Limits()
    privacy: Privacy = Privacy()
    telemetry: Telemetry = Telemetry()
