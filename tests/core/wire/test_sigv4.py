"""Signature Version 4, against the vectors that AWS has published and those of another client."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from pixapi.interfaces import HttpRequest
from pixapi.wire.sigv4 import SigningKeys, authorization, canonical_request, host_of, sign

KEYS = SigningKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
"""The keys of every published vector."""
EMPTY = hashlib.sha256(b"").hexdigest()
SUITE = "https://example.amazonaws.com"


@pytest.mark.parametrize(
    ("name", "method", "path", "signature"),
    [
        ("get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_suite_of_2015(name: str, method: str, path: str, signature: str) -> None:
    stamp = "20150830T123600Z"
    headers = [("Host", "example.amazonaws.com"), ("X-Amz-Date", stamp)]
    said = authorization(
        method, SUITE + path, headers, EMPTY, KEYS, region="us-east-1", service="service", stamp=stamp
    )
    scope = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert said == f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;x-amz-date, Signature={signature}"


@pytest.mark.parametrize(
    ("name", "path", "canonical", "signature"),
    [
        (
            "get-space",
            "/%20/foo",
            "/%2520/foo",
            "2be9e587d1ee1f0fd02128724b86b4358ba3630d39f493b6e06610a19a50779e",
        ),
        (
            "get-utf8",
            "/%E1%88%B4",
            "/%25E1%2588%25B4",
            "57b1eb3df3b16a8479c0097b66c0b261cfd65b829419a3f2c3d05319722490b8",
        ),
    ],
)
def test_a_path_is_encoded_once_more(name: str, path: str, canonical: str, signature: str) -> None:
    """From the suite of 2011, as another client of AWS keeps it."""
    headers = [("host", "host.foo.com"), ("date", "Mon, 09 Sep 2011 23:36:00 GMT")]
    url = "http://host.foo.com" + path
    assert canonical_request("GET", url, headers, EMPTY)[0].split("\n")[1] == canonical
    said = authorization(
        "GET", url, headers, EMPTY, KEYS, region="us-east-1", service="host", stamp="20110909T233600Z"
    )
    assert said.endswith(signature)


@pytest.mark.parametrize(
    ("token", "signature"),
    [
        (None, "bba77a80c7b39301d1aa29db9bc2f2b349deb932ae2dc5f800cec17baaf0f5de"),
        ("fixture-session-token", "693a4fef0373c0929f1f71d0da29c748f6bf42e75059648ceb97d52a204fb37c"),
    ],
)
def test_a_whole_request(token: str | None, signature: str) -> None:
    """From the fixtures of OpenAI's client for Bedrock."""
    body = b'{"input":"hello","model":"openai.gpt-oss-120b"}'
    digest = hashlib.sha256(body).hexdigest()
    request = HttpRequest(
        "POST",
        "https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses",
        (("content-length", "47"), ("content-type", "application/json"), ("accept-encoding", "identity")),
        body,
        paid=True,
    )
    keys = SigningKeys(KEYS.access_key_id, KEYS.secret_access_key, token)
    now = datetime(2026, 6, 1, 12, 34, 56, tzinfo=UTC)
    signed = sign(request, digest, keys, region="us-east-1", service="bedrock-mantle", now=now)
    headers = dict(signed.headers)
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert headers["x-amz-date"] == "20260601T123456Z"
    assert headers.get("x-amz-security-token") == token
    assert (signed.method, signed.url, signed.body, signed.paid) == ("POST", request.url, body, True)
    again = sign(signed, digest, keys, region="us-east-1", service="bedrock-mantle", now=now)
    assert dict(again.headers)["x-amz-date"] == headers["x-amz-date"], "headers are replaced, not doubled"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/a/../b/./c//d", "/b/c/d"),
        ("/model/us.amazon.nova-micro-v1%3A0/converse", "/model/us.amazon.nova-micro-v1%253A0/converse"),
        ("/model/arn%3Aaws%3Abedrock%2Fx/invoke/", "/model/arn%253Aaws%253Abedrock%252Fx/invoke/"),
    ],
)
def test_paths(path: str, canonical: str) -> None:
    assert canonical_request("GET", SUITE + path, [], EMPTY)[0].split("\n")[1] == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("a", "a="),
        ("a=%20x&A=/", "A=%2F&a=%20x"),
    ],
)
def test_queries(query: str, canonical: str) -> None:
    assert canonical_request("GET", f"{SUITE}/?{query}", [], EMPTY)[0].split("\n")[2] == canonical


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("https://a.example:443/x", "a.example"),
        ("http://a.example:443/x", "a.example:443"),
        ("http://[::1]:8080/x", "[::1]:8080"),
    ],
)
def test_the_host_that_is_signed_is_the_one_that_is_sent(url: str, host: str) -> None:
    assert host_of(url) == host


def test_secrets_are_not_shown() -> None:
    shown = repr(SigningKeys("AKID", "secret-part", "token-part"))
    assert "AKID" in shown
    assert "part" not in shown
