"""The gate as the settings have it.

Owns which authority stands behind the gate, and that nobody serves strangers by mistake: without authentication only
this machine is served, unless an operator says otherwise. A wrong setting ends the process, with one line.
"""

from __future__ import annotations

import ipaddress
import re
from importlib.util import find_spec
from pathlib import Path

from ..settings import NONE, PREFIX, Settings
from .authorities import Authority, issuer, shared_token
from .gate import Authorize, Gate, by_token

TOKEN = re.compile(r"[A-Za-z0-9._~+-]{16,}")  # what both a header and a subprotocol can hold: RFC 6750, RFC 9110


def gate_of(settings: Settings, authorize: Authorize | None = None) -> Gate:
    """Build the gate; `authorize` is an application's own, and stands in for the settings. Exits with one line."""
    if authorize is None and settings.auth != NONE:
        authorize = by_token(authority_of(settings))
    return Gate(authorize, settings.origins, settings.public_parts, settings.renew_within_s)


def authority_of(settings: Settings) -> Authority:
    """Who checks tokens. Exits with one line where a setting for it is missing or wrong."""
    if settings.auth == "token":
        if not TOKEN.fullmatch(settings.token):
            found = "is not set" if settings.token == NONE else f"has {len(settings.token)} characters"
            allowed = "16 or more of A-Z a-z 0-9 . _ ~ + -"
            raise SystemExit(f"{PREFIX}TOKEN {found}: {PREFIX}AUTH=token needs {allowed}")
        return shared_token(settings.token)
    if find_spec("jwt") is None:
        raise SystemExit(f"{PREFIX}AUTH=jwt needs PyJWT: pip install 'ebb-ws[jwt]'")
    if settings.jwt_keys == NONE:
        raise SystemExit(f"{PREFIX}JWT_KEYS is not set: {PREFIX}AUTH=jwt needs a file with the keys of its issuer")
    try:
        return issuer(Path(settings.jwt_keys), _or_none(settings.jwt_issuer), _or_none(settings.jwt_audience))
    except OSError as error:
        raise SystemExit(f"{PREFIX}JWT_KEYS={settings.jwt_keys}: {error.strerror}") from None
    except ValueError as error:
        raise SystemExit(f"{PREFIX}JWT_KEYS={error}") from None


def check_access(host: str, settings: Settings) -> None:
    """Exit with one line where the settings are wrong, or would serve strangers by mistake."""
    if complaint := serves_strangers(host, settings, gate_of(settings).guarded):
        raise SystemExit(complaint)


def serves_strangers(host: str, settings: Settings, guarded: bool) -> str | None:
    """Say so if an address to bind is not of this machine alone, and nobody is asked who they are; None if not."""
    if guarded or settings.anyone or is_loopback(host):
        return None
    return (
        f"--host {host} serves everybody who can reach it, and nothing asks who they are: "
        f"set {PREFIX}AUTH, or permit it with {PREFIX}ANYONE=true"
    )


def is_loopback(host: str) -> bool:
    """Whether an address to bind is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _or_none(text: str) -> str | None:
    return None if text == NONE else text
