"""One shape for every line, whoever wrote it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from structlog.contextvars import clear_contextvars

from pixapi.errors import UpstreamBusy
from pixapi.telemetry.logs import bind_request_id, configure_logging, logger

KEY = "0123456789abcdefghjkmnpqrstvwxyz"


class Log:
    """What was written, as objects."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    found = Log()
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    configure_logging("info", "json", found.stream)
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)
    clear_contextvars()


def test_a_line_is_an_object(log: Log) -> None:
    logger("gateway").info("upstream_failed", route="local/tiny", status=503)
    (line,) = log.lines
    stamp = line.pop("timestamp")
    assert stamp.endswith("Z")
    assert line == {
        "event": "upstream_failed",
        "route": "local/tiny",
        "status": 503,
        "level": "info",
        "logger": "pixapi.gateway",
    }


def test_the_level_holds_and_may_change(log: Log) -> None:
    part = logger("level")
    part.debug("unheard")
    part.info("heard")
    configure_logging("debug", "json", log.stream)
    part.debug("heard now")
    configure_logging("error", "json", log.stream)
    part.warning("unheard")
    assert [line["event"] for line in log.lines] == ["heard", "heard now"]


@pytest.mark.parametrize("name", ["uvicorn.error", "sqlalchemy.engine", "aiohttp.client", "some.library"])
def test_other_libraries_come_out_alike(log: Log, name: str) -> None:
    logging.getLogger(name).warning("from %s with pix_%s", "elsewhere", KEY)
    (line,) = log.lines
    assert line["event"] == "from elsewhere with pix_********"
    assert (line["level"], line["logger"]) == ("warning", name)


@pytest.mark.parametrize("name", ["sqlalchemy.engine.Engine", "httpx2", "uvicorn.access"])
def test_chatter_with_urls_and_parameters_is_not_heard(log: Log, name: str) -> None:
    configure_logging("debug", "json", log.stream)
    logging.getLogger(name).info("INSERT ... ('ada@example.com',)")
    assert log.lines == []


def test_secrets_and_payloads_are_masked(log: Log) -> None:
    logger("gateway").info(
        "call",
        authorization=f"Bearer {KEY}",
        messages=[{"content": "a story"}],
        note=f"used sk-{KEY}",
        input=7,
    )
    assert KEY not in log.text
    assert "story" not in log.text
    assert log.lines[0]["input"] == 7


def test_the_request_id_is_on_every_line_of_its_task(log: Log) -> None:
    async def request(request_id: str) -> None:
        bind_request_id(request_id)
        await asyncio.sleep(0)
        logger("gateway").info("mine")
        logging.getLogger("library").warning("theirs")

    async def main() -> None:
        await asyncio.gather(request("req_a"), request("req_b"))

    asyncio.run(main())
    assert sorted(line["request_id"] for line in log.lines) == ["req_a", "req_a", "req_b", "req_b"]


def failing(prompt: str) -> None:
    class Message(BaseModel):
        content: int

    Message.model_validate({"content": prompt})


def test_an_exception_has_frames_and_types_but_no_values(log: Log) -> None:
    try:
        try:
            failing("tell me a secret story")
        except ValueError as error:
            raise UpstreamBusy(f"too many calls with pix_{KEY}") from error
    except UpstreamBusy:
        logger("gateway").exception("request_failed")
    (line,) = log.lines
    assert "secret story" not in log.text
    assert KEY not in log.text
    assert line["exception"].startswith("pixapi.errors.UpstreamBusy: too many calls with pix_********\n")
    assert "caused by\npydantic_core._pydantic_core.ValidationError\n" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "in failing" in line["exception"]


def test_an_exception_of_the_language_keeps_a_short_message(log: Log) -> None:
    try:
        raise KeyError("x" * 5000)
    except KeyError as error:
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
    (line,) = log.lines
    assert line["exception"].startswith("builtins.KeyError: 'xxx")
    assert len(line["exception"]) < 1000


def test_a_hidden_context_stays_hidden(log: Log) -> None:
    try:
        try:
            raise ValueError("http://host/?q=inner")
        except ValueError:
            raise UpstreamBusy("outer") from None
    except UpstreamBusy:
        logger("gateway").exception("failed")
    assert "inner" not in log.text


def test_line_breaks_and_odd_text_make_no_second_line(log: Log) -> None:
    logger("gateway").info("a\nb", path="/\r\n{}", broken="\ud800", value=object, when={1, 2})
    (line,) = log.lines
    assert line["event"] == "a\nb"


def test_text_for_people(log: Log) -> None:
    configure_logging("info", "console", log.stream)
    logger("gateway").warning("upstream_failed", route="local/tiny", api_key="hunter2")
    assert "upstream_failed" in log.text
    assert "local/tiny" in log.text
    assert "hunter2" not in log.text
    assert "\x1b[" not in log.text


def test_before_it_is_set_up_nothing_goes_to_stdout() -> None:
    code = f'from pixapi.telemetry.logs import logger; logger("cli").warning("hm", api_key="pix_{KEY}")'
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == ""
    assert "hm" in done.stderr
    assert KEY not in done.stderr
