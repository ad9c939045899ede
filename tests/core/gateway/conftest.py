import time

import pytest

from pixapi.testing.gateway import RunningGateway
from pixapi.testing.scripted import ScriptedUpstream

PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'


class World:
    """Gateway, upstream and a key, with what tests ask of them. A test module has ``SCRIPTS``."""

    def __init__(self, gateway, upstream, key):
        self.gateway, self.upstream, self.key = gateway, upstream, key

    def chat(self, model, **more):
        return self.gateway.chat(self.key, model=model, **more)

    def charge(self, headers):
        """The charge that a reply's headers name, once it has been settled or voided."""
        for _ in range(100):
            status, charge, _ = self.gateway.request(
                "GET", "/v1/charges/" + headers["x-pixapi-charge"], key=self.key
            )
            assert status == 200, charge
            if charge["status"] != "held":
                return charge
            time.sleep(0.05)
        raise AssertionError("the hold was never resolved")


def world_of(folder, scripts, more=""):
    upstream = ScriptedUpstream(scripts)
    toml = f'[providers.up]\nuse = "openai_compatible"\nbase_url = "http://127.0.0.1:{upstream.port}/v1"\napi_key = "sk-upstream"\n'
    for model in scripts:
        toml += (
            f'[[models]]\nid = "{model}"\nroutes = [ {{ provider = "up", model = "{model}" }} ]\n{PRICE}\n'
        )
    gateway = RunningGateway(folder, toml + more)
    key = gateway.account(credits="100000")
    gateway.start()
    return World(gateway, upstream, key)


@pytest.fixture(scope="module")
def world(request, tmp_path_factory):
    made = world_of(
        tmp_path_factory.mktemp("world"), request.module.SCRIPTS, getattr(request.module, "TOML", "")
    )
    yield made
    made.gateway.kill(15)
    made.upstream.close()
