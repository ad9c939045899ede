"""Any compatible server keeps the contract of a provider, with all that is no chat, and so does each vendor's row."""

import pytest

from pixapi.testing import provider_contract
from pixapi_providers.openai_compatible import Config, build, pixapi_register_providers

(KIND,) = pixapi_register_providers()
TEXT = {"chat", "embeddings"}

test_contract = provider_contract(
    KIND, {"base_url": "http://127.0.0.1:8080/v1", "api_key": "a-key-for-tests"}
)
test_contract_of_a_row = provider_contract(KIND, {"vendor": "voyage", "api_key": "a-key-for-tests"})


@pytest.mark.parametrize(
    ("settings", "operations"),
    [
        (
            {"base_url": "http://127.0.0.1/v1"},
            TEXT | {"images", "image_edits", "speech", "transcriptions", "moderations", "rerank"},
        ),
        ({"vendor": "deepseek"}, TEXT),
        ({"vendor": "together"}, TEXT | {"images", "rerank"}),
        ({"vendor": "together", "operations": ["images"]}, {"images"}),
    ],
)
def test_what_a_server_offers(settings, operations) -> None:
    assert build(Config(**settings)).operations == operations
