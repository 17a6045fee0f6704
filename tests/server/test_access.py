"""Who may come in: what a client shows, what that is worth, what it may then do, and until when."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from freezegun import freeze_time
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from server.access.authorities import Unauthorized, identity_of, issuer, shared_token
from server.access.configured import is_loopback
from server.access.credentials import token_of
from server.access.expiry import Expiry
from server.access.identity import ANYBODY, Identity
from server.access.origins import refusal_of

SECRET = b"0123456789abcdef0123456789abcdef"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
PUBLIC = {"encoding": serialization.Encoding.PEM, "format": serialization.PublicFormat.SubjectPublicKeyInfo}


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "ann", "exp": time.time() + 60} | more


# ---- What is shown ----


@pytest.mark.parametrize(
    ("headers", "subprotocols", "token"),
    [
        ([], [], None),
        ([(b"authorization", b"Bearer abc")], [], "abc"),
        ([(b"Authorization", b"bearer  abc ")], [], "abc"),
        ([(b"authorization", b"Basic abc")], [], None),
        ([(b"authorization", b"Bearer")], [], None),
        ([], ["ebb.v1", "bearer.abc"], "abc"),
        ([], ["bearer."], None),
        ([], ["bearer.a.b.c", "ebb.text"], "a.b.c"),
        ([(b"authorization", b"Bearer abc")], ["bearer.abc"], None),
        ([], ["bearer.abc", "bearer.def"], None),
    ],
)
def test_a_token_is_in_the_header_or_beside_the_subprotocols_and_there_is_one(headers, subprotocols, token):
    assert token_of(headers, subprotocols) == token


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "shop.example", True),
        ("https://shop.example", "shop.example", True),
        ("https://shop.example", "SHOP.example:443", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://other.example", "shop.example", True),  # named
        ("https://other.example:444", "shop.example", False),
        ("https://evil.example", "shop.example", False),
        ("https://shop.example.evil", "shop.example", False),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("null", "shop.example", False),
        ("", "", False),
        ("https://evil.example", None, False),
    ],
)
def test_a_page_may_ask_that_is_of_this_host_or_named(origin: str | None, host: str | None, allowed: bool):
    headers = [(name, value.encode()) for name, value in ((b"origin", origin), (b"host", host)) if value is not None]
    refusal = refusal_of(headers, ("https://other.example",))
    assert (refusal is None) == allowed
    assert refusal_of(headers, ("*",)) is None
    if refusal is not None:
        assert refusal == f"pages of {origin} may not connect"


# ---- What it is worth ----


async def test_a_shared_token_lets_in_whoever_has_it():
    check = shared_token("let me in, please")
    assert await check("let me in, please") is ANYBODY
    for wrong in ("", "let me in", "let me in, pleasé", "let me in, please "):
        with pytest.raises(Unauthorized, match="the token is wrong"):
            await check(wrong)


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(**PUBLIC)


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else OKPAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), **more}


OF_SECRET = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("="), "kid": "s"}


@pytest.mark.parametrize(
    ("file", "key", "algorithm", "kid"),
    [
        (SECRET, SECRET, "HS256", None),
        (SECRET + b"\n", SECRET, "HS256", "whatever"),
        (pem(RSA_KEY), RSA_KEY, "RS256", None),
        (pem(ED_KEY), ED_KEY, "EdDSA", None),
        (key_set(jwk(RSA_KEY, kid="r"), jwk(ED_KEY, kid="e"), OF_SECRET), RSA_KEY, "RS256", "r"),
        (key_set(jwk(RSA_KEY, kid="r"), jwk(ED_KEY, kid="e"), OF_SECRET), ED_KEY, "EdDSA", "e"),
        (key_set(jwk(RSA_KEY, kid="r"), jwk(ED_KEY, kid="e"), OF_SECRET), SECRET, "HS256", "s"),
        (key_set(jwk(ED_KEY)), ED_KEY, "EdDSA", None),
    ],
    ids=[
        "secret",
        "secret and a line's end",
        "RSA",
        "Ed25519",
        *(f"set: {key}" for key in ("RSA", "Ed25519", "secret", "one")),
    ],
)
async def test_a_token_is_right_that_is_signed_with_a_key_of_the_file(tmp_path, file, key, algorithm, kid):
    keys = tmp_path / "keys"
    keys.write_bytes(file)
    headers = {} if kid is None else {"kid": kid}
    token = jwt.encode(claims(), key, algorithm, headers)
    found = await issuer(keys)(token)
    assert (found.subject, found.names, found.rooms, found.sessions) == ("ann", ("ann",), None, ("ann",))


OURS = {"iss": "us", "aud": "ebb"}
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: jwt.encode(claims(), OTHER_RSA, "RS256"), "the token is wrong: InvalidSignatureError"),
        (
            lambda: jwt.encode(claims(**OURS, exp=time.time() - 60), RSA_KEY, "RS256"),
            "the token has expired",
        ),
        (
            lambda: jwt.encode(claims(**OURS, nbf=time.time() + 60), RSA_KEY, "RS256"),
            "ImmatureSignatureError",
        ),
        (lambda: jwt.encode({"sub": "ann"}, RSA_KEY, "RS256"), "MissingRequiredClaimError"),
        (lambda: jwt.encode({"exp": time.time() + 60}, RSA_KEY, "RS256"), "MissingRequiredClaimError"),
        (lambda: jwt.encode(claims(iss="somebody else", aud="ebb"), RSA_KEY, "RS256"), "InvalidIssuerError"),
        (lambda: jwt.encode(claims(iss="us", aud="another"), RSA_KEY, "RS256"), "InvalidAudienceError"),
        (lambda: jwt.encode(claims(iss="us"), RSA_KEY, "RS256"), "MissingRequiredClaimError"),
        (lambda: jwt.encode(claims(iss="us", aud="ebb", rooms="tea"), RSA_KEY, "RS256"), "rooms is no list of texts"),
        (lambda: jwt.encode(claims(iss="us", aud="ebb", names=[1]), RSA_KEY, "RS256"), "names is no list of texts"),
        (lambda: jwt.encode(claims(), None, "none"), "the token is wrong"),
        # the public key as a secret: https://www.rfc-editor.org/rfc/rfc8725, section 2.1
        (lambda: confused(pem(RSA_KEY)), "the token is wrong"),
        (lambda: "not.a.token", "the token is wrong"),
        (lambda: "", "the token is wrong"),
        (lambda: "ü" * 10_000, "the token is wrong"),
    ],
)
async def test_a_token_is_wrong_for_a_reason_that_gives_nothing_away(tmp_path: Path, make, why: str):
    keys = tmp_path / "keys"
    keys.write_bytes(pem(RSA_KEY))
    with pytest.raises(Unauthorized) as refused:
        await issuer(keys, "us", "ebb")(make())
    assert why in str(refused.value)
    assert "ann" not in str(refused.value)


def confused(public: bytes) -> str:
    """Signed with the public key as if it were a secret; PyJWT itself would not make such a token."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims())
    )

    signature = hmac.new(public, head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


async def test_of_several_keys_a_token_must_name_one(tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_bytes(key_set(jwk(RSA_KEY, kid="r"), jwk(ED_KEY, kid="e")))
    for kid in (None, "x", 7, "e"):
        headers: dict[str, Any] = {} if kid is None else {"kid": kid}
        token = jwt.encode(claims(), RSA_KEY, "RS256", headers) if kid != 7 else "x.y.z"
        with pytest.raises(Unauthorized):
            await issuer(keys)(token)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"short", "a secret of 5 bytes, 32 or more are needed"),
        (b"{}", "keys"),
        (b"{ no json", "Expecting property name"),
        (b'{"keys": []}', "keys"),
        (b"-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----", "pem"),
        (json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": "A", "y": "B"}]}).encode(), ""),
    ],
)
def test_a_file_without_keys_is_named_with_what_is_wrong_with_it(tmp_path: Path, content: bytes, complaint: str):
    keys = tmp_path / "keys"
    keys.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{keys}: .*") as wrong:
        issuer(keys)
    assert complaint.lower() in str(wrong.value).lower()


# ---- What one may do ----


@pytest.mark.parametrize(
    ("identity", "room", "allowed"),
    [
        (ANYBODY, "tea", True),
        (Identity("ann", rooms=()), "tea", False),
        (Identity("ann", rooms=("tea",)), "tea", True),
        (Identity("ann", rooms=("tea",)), "teapot", False),
        (Identity("ann", rooms=("den", "tea*")), "teapot", True),
        (Identity("ann", rooms=("*",)), "anything", True),
    ],
)
def test_a_bound_is_a_list_of_names_and_beginnings(identity: Identity, room: str, allowed: bool):
    assert identity.may_enter(room) == allowed
    assert Identity("x", names=identity.rooms).may_be_called(room) == allowed
    assert Identity("x", sessions=identity.rooms).may_open(room) == allowed


def test_the_room_of_a_class_is_for_sessions_and_nobody_asks_for_it_by_its_name():
    assert ANYBODY.may_enter("class:7b")
    assert not ANYBODY.may_join("class:7b")
    assert ANYBODY.may_join("classes")


def test_who_is_bound_to_names_speaks_in_its_own_over_http():
    assert ANYBODY.speaker is None
    assert identity_of(claims()).speaker == "ann"
    assert identity_of(claims(names=["ann", "bob"])).speaker == "ann"
    assert identity_of(claims(names=None)).speaker is None


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *(("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("10.1.2.3", False), ("shop.example", False), ("", False)),
    ],
)
def test_only_loopback_is_of_this_machine_alone(host: str, here: bool):
    assert is_loopback(host) == here


# ---- Until when ----


class Bearer:
    def __init__(self, number: int, expires_at: float | None) -> None:
        self.number = number
        self.identity = Identity("ann", expires_at=expires_at)
        self.said: list[Any] = []
        self.renewed = 0

    def warn_of_expiry(self, in_s: float) -> None:
        self.said.append(in_s)

    def expire(self) -> None:
        self.said.append("expired")


@freeze_time("2026-01-01")
def test_a_client_is_warned_before_its_token_expires_and_closed_when_it_has():
    expiry, now = Expiry(60), time.time()
    ann, bob, eve = Bearer(1, now + 180), Bearer(2, now + 30), Bearer(3, None)
    for each in (ann, bob, eve):
        expiry.watch(each)
    for after in (0, 14, 15, 49, 50, 119, 120, 200):
        expiry.look(now + after)
    assert ann.said == [60, "expired"]
    assert bob.said == [15, "expired"]
    assert eve.said == []


@freeze_time("2026-01-01")
def test_who_has_renewed_its_token_is_warned_of_the_new_one_and_who_has_left_is_forgotten():
    expiry, now = Expiry(60), time.time()
    ann, bob = Bearer(1, now + 200), Bearer(2, now + 200)
    expiry.watch(ann)
    expiry.watch(bob)
    expiry.look(now + 150)
    ann.identity = Identity("ann", expires_at=now + 1000)
    expiry.watch(ann)
    expiry.forget(bob)
    expiry.look(now + 500)
    assert (ann.said, bob.said) == ([50], [50])
    expiry.look(now + 1000)
    assert ann.said == [50, "expired"]


def test_who_shows_short_tokens_again_and_again_is_not_warned_at_each_look():
    expiry = Expiry(60)
    with freeze_time("2026-01-01") as clock:
        ann = Bearer(1, time.time() + 30)
        expiry.watch(ann)
        for _ in range(120):
            clock.tick(1)
            expiry.look(time.time())
            if ann.said and len(ann.said) == ann.renewed + 1:
                ann.renewed += 1
                ann.identity = Identity("ann", expires_at=time.time() + 30)
                expiry.watch(ann)
    assert ann.said == [15] * 8
