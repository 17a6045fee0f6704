"""Who checks a token: one shared secret, or the keys of whoever issues JSON Web Tokens.

Owns what a token is worth. Whether a token is right takes as long as whether it is wrong. What a token says never gets
into an answer or a log line. Refuses to know where a token is found (`credentials`).
Source: RFC 7519 (JWT), RFC 7517 (JWK sets), RFC 8037 (Ed25519); PyJWT does the checking.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .identity import ANYBODY, Bound, Identity

if TYPE_CHECKING:
    import jwt

Authority = Callable[[str], Awaitable[Identity]]

LEAST_SECRET_BYTES = 32  # RFC 7518 section 3.2: as long as the digest of HS256
LEEWAY_S = 5.0  # by which the clocks of two machines may differ
ALGORITHMS = {"oct": ["HS256"], "RSA": ["RS256"], "OKP": ["EdDSA"]}


class Unauthorized(Exception):
    """A token is worth nothing. Says why, in words that give nothing away."""


def shared_token(token: str) -> Authority:
    """Everybody has the same token, and may do everything."""
    expected = token.encode()

    async def check(shown: str) -> Identity:
        if not hmac.compare_digest(shown.encode(), expected):
            raise Unauthorized("the token is wrong")
        return ANYBODY

    return check


def issuer(keys: Path, name: str | None = None, audience: str | None = None) -> Authority:
    """Whoever signs with one of `keys` says what the bearer may do; see `identity_of` for the claims.

    The file holds a JWK set, a public key as PEM (RSA or Ed25519), or a secret of 32 bytes or more for HS256. Its kind
    decides on the algorithm, the token does not. Raises ValueError for a file that is none of these, OSError for none.
    """
    import jwt

    found = keys_in(keys)

    async def check(shown: str) -> Identity:
        try:
            key = chosen(found, jwt.get_unverified_header(shown).get("kid"))
            algorithms = ALGORITHMS[str(key.key_type)]
            required = ["exp", "sub", *(["iss"] if name else []), *(["aud"] if audience else [])]
            claims = jwt.decode(
                *(shown, key.key, algorithms),
                issuer=name,
                audience=audience,
                leeway=LEEWAY_S,
                options={"require": required, "verify_aud": audience is not None},
            )
            return identity_of(claims)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise Unauthorized(f"the token is wrong: {type(error).__name__}") from None

    return check


def keys_in(file: Path) -> list[jwt.PyJWK]:
    """Read the keys. Raises ValueError, OSError."""
    import jwt
    from cryptography.hazmat.primitives import serialization
    from jwt.algorithms import HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

    text = file.read_bytes().strip()
    try:
        if text.startswith(b"{"):
            found = [each for each in jwt.PyJWKSet.from_json(text.decode()).keys if each.key_type in ALGORITHMS]
            if not found:
                raise ValueError("no key in it is of the kind oct, RSA or OKP")
            return found
        if text.startswith(b"-----"):
            public: Any = serialization.load_pem_public_key(text)
            kind = RSAAlgorithm if hasattr(public, "public_numbers") else OKPAlgorithm
            return [jwt.PyJWK.from_dict(kind.to_jwk(public, as_dict=True))]
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    if len(text) < LEAST_SECRET_BYTES:
        raise ValueError(f"{file}: a secret of {len(text)} bytes, {LEAST_SECRET_BYTES} or more are needed")
    return [jwt.PyJWK.from_dict(HMACAlgorithm.to_jwk(text, as_dict=True), algorithm="HS256")]


def chosen(keys: list[jwt.PyJWK], number: object) -> jwt.PyJWK:
    """The key that a token names by its `kid`, or the only one. Raises Unauthorized."""
    fitting = [each for each in keys if each.key_id == number] if number is not None and len(keys) > 1 else keys
    if len(fitting) != 1:
        raise Unauthorized("the token is wrong: it names no key of ours")
    return fitting[0]


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """What the claims of a token allow. Raises Unauthorized for a claim of another form.

    `sub`: who it is. `names`: under which names it may connect (default: its `sub`), `rooms` (default: all), `sessions`
    (default: its `sub`), each a list in which `tea*` stands for whatever begins so. `exp`: until when, Unix seconds.
    """
    subject = claims["sub"]
    return Identity(
        subject=subject,
        names=_bound(claims, "names", (subject,)),
        rooms=_bound(claims, "rooms", None),
        sessions=_bound(claims, "sessions", (subject,)),
        expires_at=float(claims["exp"]),
    )


def _bound(claims: Mapping[str, Any], name: str, default: Bound) -> Bound:
    found = claims.get(name, default)
    if found is None or (isinstance(found, list | tuple) and all(isinstance(each, str) for each in found)):
        return None if found is None else tuple(found)
    raise Unauthorized(f"the token is wrong: {name} is no list of texts")
