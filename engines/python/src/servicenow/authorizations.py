"""What the host knows of an authorization: where it is valid, and how its requests are authorized. No secret
is in a `repr`."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

_NAME = re.compile(r"[A-Za-z0-9-]+")
_VISIBLE = re.compile(r"[ -~]*")

GrantType: TypeAlias = Literal[
    "client-credentials", "password", "refresh-token", "jwt-bearer", "bearer", "basic", "api-key"
]
"""How access is obtained. It decides which explanations there are when it is refused."""

GRANT_TYPES: tuple[str, ...] = get_args(GrantType)

FIXED: tuple[GrantType, ...] = ("bearer", "basic", "api-key")
"""The kinds that no token service stands behind: after a 401 there is no other credential."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that is added to each request."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form that is posted to a token service. Two that are equal share a token."""

    url: str
    form: tuple[tuple[str, str], ...] = field(repr=False)


HeaderFunction: TypeAlias = Callable[[bool], Header]
"""Asked for a header before a call, and once more, with `True`, after ServiceNow answered 401."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A credential, and the only origin it is valid for."""

    origin: str
    grant_type: GrantType
    credential: Header | TokenRequest | HeaderFunction
    callback_secrets: tuple[str, ...] = field(default=(), repr=False)
    """What deliveries must present. Two, while one takes the other's place."""


Authorizations: TypeAlias = Callable[[str], Authorization | None] | Mapping[str, Authorization]
"""The authorizations by name. A function is asked for each call, and returns `None` where there is none of
that name."""


def bearer(origin: str, token: str, *, callback_secrets: tuple[str, ...] = ()) -> Authorization:
    """A bearer token made elsewhere."""
    return Authorization(origin, "bearer", Header("authorization", f"Bearer {token}"), callback_secrets)


def api_key(origin: str, key: str, *, callback_secrets: tuple[str, ...] = ()) -> Authorization:
    """A ServiceNow API key."""
    return Authorization(origin, "api-key", Header("x-sn-apikey", key), callback_secrets)


def basic(
    origin: str, username: str, password: str, *, callback_secrets: tuple[str, ...] = ()
) -> Authorization:
    """HTTP Basic."""
    encoded = b64encode(f"{username}:{password}".encode()).decode()
    return Authorization(origin, "basic", Header("authorization", f"Basic {encoded}"), callback_secrets)


def headers(
    origin: str,
    function: HeaderFunction,
    *,
    grant_type: GrantType = "client-credentials",
    callback_secrets: tuple[str, ...] = (),
) -> Authorization:
    """A header from a function, for whoever has a token service of their own."""
    return Authorization(origin, grant_type, function, callback_secrets)


def client_credentials(
    origin: str,
    client_id: str,
    client_secret: str,
    scope: str | None = None,
    token_url: str | None = None,
    *,
    callback_secrets: tuple[str, ...] = (),
) -> Authorization:
    """OAuth 2.0 client credentials; the token comes from the instance itself where no address is given."""
    form = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", client_secret),
    ]
    request = _token_request(origin, form, scope, token_url)
    return Authorization(origin, "client-credentials", request, callback_secrets)


def refresh_token(
    origin: str,
    client_id: str,
    client_secret: str,
    token: str,
    scope: str | None = None,
    token_url: str | None = None,
    *,
    callback_secrets: tuple[str, ...] = (),
) -> Authorization:
    """An OAuth 2.0 refresh token. One that replaces it is kept in memory: a token service that rotates them
    wants `headers`."""
    form = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("client_secret", client_secret),
        ("refresh_token", token),
    ]
    request = _token_request(origin, form, scope, token_url)
    return Authorization(origin, "refresh-token", request, callback_secrets)


def _token_request(
    origin: str, form: list[tuple[str, str]], scope: str | None, token_url: str | None
) -> TokenRequest:
    form += [] if scope is None else [("scope", scope)]
    return TokenRequest(token_url or f"{origin}/oauth_token.do", tuple(form))


def is_authorization(value: object) -> bool:
    """Whether what a function returned is an authorization whose texts can be sent."""
    if not isinstance(value, Authorization) or value.grant_type not in GRANT_TYPES:
        return False
    match value.credential:
        case Header():
            texts: list[object] = []
            is_credential = is_header(value.credential)
        case TokenRequest(url, form):
            texts = [url, *(text for pair in form for text in pair)]
            is_credential = True
        case function:
            texts = []
            is_credential = callable(function)
    # A text would be its letters.
    is_credential &= isinstance(value.callback_secrets, tuple | list) and "" not in value.callback_secrets
    return is_credential and all(
        isinstance(text, str) for text in [value.origin, *texts, *value.callback_secrets]
    )


def is_header(value: object) -> bool:
    """Whether a value is a header that can be sent as it is."""
    return (
        isinstance(value, Header)
        and isinstance(value.name, str)
        and isinstance(value.value, str)
        and _NAME.fullmatch(value.name) is not None
        and _VISIBLE.fullmatch(value.value) is not None
    )
