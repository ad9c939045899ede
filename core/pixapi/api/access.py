"""Who calls: the dependencies that the routes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from pixapi.calls.desk import Desk
from pixapi.calls.services import Services
from pixapi.gateway.http import client_ip, key_of
from pixapi.identity.keyring import Principal


@dataclass(frozen=True, slots=True)
class Access:
    """A request whose key is good."""

    services: Services
    desk: Desk
    principal: Principal


def services_of(request: Request) -> Services:
    return request.app.state.services


async def access(request: Request) -> Access:
    """Authenticate. Raises Unauthenticated, Forbidden or NotReady."""
    services = services_of(request)
    desk = Desk(services)
    proxies = services.configured.settings.server.trusted_proxies
    key = key_of(request.scope) or request.query_params.get("key")
    return Access(services, desk, await desk.authenticate(key, client_ip(request.scope, proxies)))


Authenticated = Annotated[Access, Depends(access)]
Process = Annotated[Services, Depends(services_of)]
