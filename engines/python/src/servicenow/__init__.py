"""ServiceNow incidents in a sandbox: the components in wasmtime, with requests, credentials and deadlines of
this host."""

from .authorizations import (
    Authorization,
    Authorizations,
    Header,
    TokenRequest,
    api_key,
    basic,
    bearer,
    client_credentials,
    headers,
    refresh_token,
)
from .component import WrongComponent
from .host import AsyncEventSync, AsyncServiceNow, EventSync, ServiceNow
from .http import Broken, Request, Response, Transport, Urllib3Transport
from .ledger import Ledger, MemoryLedger, SqliteLedger
from .plans import Selection
from .runner import ComponentFailed

__all__ = [
    "AsyncEventSync",
    "AsyncServiceNow",
    "Authorization",
    "Authorizations",
    "Broken",
    "ComponentFailed",
    "EventSync",
    "Header",
    "Ledger",
    "MemoryLedger",
    "Request",
    "Response",
    "Selection",
    "ServiceNow",
    "SqliteLedger",
    "TokenRequest",
    "Transport",
    "Urllib3Transport",
    "WrongComponent",
    "api_key",
    "basic",
    "bearer",
    "client_credentials",
    "headers",
    "refresh_token",
]
