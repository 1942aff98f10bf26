"""ServiceNow incidents in a sandbox: `servicenow.wasm` in wasmtime, with credentials and a deadline from Python."""

from .component import WrongComponent
from .credentials import (
    Credentials,
    Granted,
    Header,
    OAuthClient,
    api_key,
    basic,
    bearer,
    client_credentials,
)
from .host import ServiceNow

__all__ = [
    "Credentials",
    "Granted",
    "Header",
    "OAuthClient",
    "ServiceNow",
    "WrongComponent",
    "api_key",
    "basic",
    "bearer",
    "client_credentials",
]
