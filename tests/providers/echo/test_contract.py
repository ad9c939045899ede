"""The stand-in keeps the contract of a provider, with all that is no chat."""

from pixapi.testing import provider_contract
from pixapi_providers.echo import pixapi_register_providers

(KIND,) = pixapi_register_providers()

test_contract = provider_contract(KIND, {})
