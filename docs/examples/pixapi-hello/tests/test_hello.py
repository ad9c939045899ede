"""The contract, and what this vendor says in its own words."""

import json

import pixapi_hello

from pixapi.errors import UpstreamBusy
from pixapi.interfaces import Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.recorded import Recorded

(hello,) = pixapi_hello.pixapi_register_providers()

WHOLE = Recorded(
    "a greeting",
    b'{"says": "Gr\xc3\xbc\xc3\x9f dich!", "why": "done", "heard": 3, "said": 2}',
    text="Grüß dich!",
    finish_reason="stop",
    usage=Usage(input=3, output=2),
)
STREAM = Recorded(
    "a long greeting",
    b'{"says": "Gr\xc3\xbc\xc3\x9f"}\r\n\n{"says": " dich"}\n{"why": "full", "heard": 3, "said": 2}\n',
    is_stream=True,
    text="Grüß dich",
    finish_reason="length",
    usage=Usage(input=3, output=2),
)
BUSY = Recorded("too many", b'{"error": {"message": "one at a time"}}', status=429, error=UpstreamBusy)

test_contract = provider_contract(hello, {"api_key": "a-key-for-tests"}, recorded=[WHOLE, STREAM, BUSY])


def test_what_is_sent(pixapi_call):
    provider = hello.build(pixapi_hello.Config(api_key="a-key-for-tests"))
    request = provider.request(pixapi_call("hi", output_cap=9, stream=True))
    assert request.url == "https://api.hello.example/speak"
    assert dict(request.headers)["x-hello-key"] == "a-key-for-tests"
    assert json.loads(request.body) == {
        "model": "model-of-the-route",
        "lines": [{"who": "user", "says": "hi"}],
        "at_most": 9,
        "live": True,
    }
