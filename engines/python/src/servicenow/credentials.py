"""What the component gets when it asks for an authorization by name."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

GrantType: TypeAlias = Literal[
    "client-credentials", "password", "refresh-token", "jwt-bearer", "bearer", "basic", "api-key"
]
"""How access is obtained. It decides which explanations there are when it is refused."""

GRANT_TYPES: tuple[str, ...] = get_args(GrantType)


@dataclass(frozen=True, slots=True)
class Header:
    """A header that the component adds to each request. The value stays out of `repr`."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client with which the component obtains a token itself."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A credential, and the only origin it is valid for."""

    origin: str
    grant_type: GrantType
    credential: Header | OAuthClient
    token_url: str = ""


Credentials: TypeAlias = Callable[[str], Granted | None]
"""Asked by authorization name for each call. `None` where there is none of that name."""


def bearer(origin: str, token: str) -> Granted:
    """A bearer token made elsewhere."""
    return Granted(origin, "bearer", Header("authorization", f"Bearer {token}"))


def api_key(origin: str, key: str) -> Granted:
    """A ServiceNow API key."""
    return Granted(origin, "api-key", Header("x-sn-apikey", key))


def basic(origin: str, username: str, password: str) -> Granted:
    """HTTP Basic."""
    encoded = b64encode(f"{username}:{password}".encode()).decode()
    return Granted(origin, "basic", Header("authorization", f"Basic {encoded}"))


def client_credentials(
    origin: str, client_id: str, client_secret: str, scope: str | None = None, token_url: str | None = None
) -> Granted:
    """OAuth 2.0 client credentials; the token comes from the instance itself where no address is given."""
    client = OAuthClient(client_id, client_secret, scope)
    return Granted(origin, "client-credentials", client, token_url or f"{origin}/oauth_token.do")
