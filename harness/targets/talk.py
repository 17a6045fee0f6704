"""How the clients of a target talk, as data: the table `[talk]` of a target file.

Owns the model, its placeholders and the errors for wrong values. Refuses to know connections, and what happens to the
messages. Pure.

A text is sent unchanged, except for three placeholders: `{client}` is the client that says it, `{token}` the mark by
which a message is recognized when it comes back, `{n}` its number alone. The token must come back, whole, in a message.
In `{ hex = "..." }`, which is sent as a binary message, they have a fixed length, so that length fields can be written
down: `CLIENT_BYTES`, `TOKEN_BYTES`, `NUMBER_BYTES`.

A pattern is a regular expression that is searched for in a message; in a binary message each byte is one character.

A client that reconnects says what it has: the last match of `remember` is filled into `resume`, where the names of its
groups are placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from .values import NonEmptyText, UrlPath, allowed

CLIENT_BYTES = 32
NUMBER_BYTES = 8
PAD = "-"
TOKEN_BYTES = len("m::") + CLIENT_BYTES + NUMBER_BYTES
PLACEHOLDER = re.compile(r"(\{client\}|\{token\}|\{n\})")
RECALLED = re.compile(r"\{(\w+)\}")
NOTICE_GROUPS = frozenset({"left_s", "reconnect_after_s"})


def _in_hex(digits: str) -> str:
    for part in PLACEHOLDER.split(digits)[::2]:
        bytes.fromhex(part)
    return digits


def _a_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(str(error)) from None
    return pattern


def _a_notice(pattern: str) -> str:
    if set(re.compile(_a_pattern(pattern)).groupindex) - NOTICE_GROUPS:
        raise ValueError(pattern)
    return pattern


def _with_a_group(pattern: str) -> str:
    if not re.compile(_a_pattern(pattern)).groupindex:
        raise ValueError(pattern)
    return pattern


class Hex(BaseModel):
    """A binary message: hexadecimal digits, with spaces and placeholders between bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hex: Annotated[str, Field(min_length=1), AfterValidator(_in_hex)]


A_TEXT = 'a text, or { hex = "10 1f ..." } with {client}, {token} or {n} between bytes'
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_a_pattern), allowed("a regular expression")]
NoticePattern = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(_a_notice),
    allowed("a regular expression, whose groups can be left_s and reconnect_after_s"),
]
Position = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(_with_a_group),
    allowed("a list of regular expressions, each with a named group: (?P<seq>...)"),
]
Text = Annotated[Annotated[str, Field(min_length=1)] | Hex, allowed(A_TEXT)]
Interval = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class Cue(BaseModel):
    """A text to say once, when a pattern is first heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hear: Pattern
    say: Text


class KeepAlive(BaseModel):
    """What keeps a connection alive: `say` whenever `hear` is heard, or every `every_s` seconds.

    Without `say` there is no answer; a text that matches `hear` is no message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hear: Pattern | None = None
    say: Text | None = None
    every_s: Interval | None = None

    @model_validator(mode="after")
    def _has_an_occasion(self) -> Self:
        if self.hear is None and (self.every_s is None or self.say is None):
            raise ValueError("neither what is heard, nor what is said and how often")
        return self


Step = Annotated[
    Annotated[str, Field(min_length=1)] | Hex | Cue,
    allowed(f"{A_TEXT}, or {{ hear = PATTERN, say = TEXT }}"),
]
Headers = Annotated[
    dict[Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")], Annotated[str, Field(pattern=r"^[^\r\n]*$")]],
    allowed("a table of names and texts, each of one line"),
]


class Resume(BaseModel):
    """How a reconnecting client says what it has: `query` is added to its path, other keys replace those of the talk.

    Each may have the names of groups of `remember` as placeholders, except in binary messages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: NonEmptyText | None = None
    headers: Headers | None = None
    first: tuple[Step, ...] | None = None

    @property
    def names(self) -> set[str]:
        """The groups that must have been found before it can resume; `{client}` is always known."""
        said = [step.say if isinstance(step, Cue) else step for step in self.first or ()]
        texts = [self.query or "", *(self.headers or {}).values(), *(text for text in said if isinstance(text, str))]
        return {name for text in texts for name in RECALLED.findall(text)} - {"client"}


class Talk(BaseModel):
    """How a client talks.

    `headers` are sent with the handshake's request, and `subprotocol` is offered in it. `path` is the usual path of the
    protocol, for a target that declares no `ws`. `first` is said once connected, in this order; `{ hear, say }` waits
    until the pattern was heard. Until `let_in` is heard a client is not in. `say` is how it says something; None: it
    only listens. `say_per_s`: how many texts a client says in a second at most. `ignore`: a message that matches this
    means nothing, even with a token in it. `notice` is how the target announces that it stops; its group `left_s` has
    the seconds that are left, and `reconnect_after_s` those until the reconnect. `remember` finds a client's position
    in messages; `resume` sends it when the client reconnects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: Headers = {}
    subprotocol: NonEmptyText | None = None
    path: UrlPath | None = None
    first: Annotated[tuple[Step, ...], allowed(f"a list, each {A_TEXT}, or {{ hear = PATTERN, say = TEXT }}")] = ()
    let_in: Pattern | None = None
    say: Text | None = "{token}"
    say_per_s: Annotated[Interval, allowed("texts a second, above 0")] | None = None
    keepalive: (
        Annotated[KeepAlive, allowed("{ hear = PATTERN, say = TEXT }, or { every_s = SECONDS, say = TEXT }")] | None
    ) = None
    ignore: Pattern | None = None
    notice: NoticePattern | None = None
    remember: tuple[Position, ...] = ()
    resume: (
        Annotated[NonEmptyText | Resume, allowed('a text that is added to the path, as "?last={seq}", or a table')]
        | None
    ) = None

    @model_validator(mode="after")
    def _remembers_what_it_resumes_with(self) -> Self:
        known = {name for pattern in self.remember for name in re.compile(pattern).groupindex}
        if self.resuming is not None and not self.resuming.names <= known:
            unknown = ", ".join(sorted(self.resuming.names - known))
            raise ValueError(f"talk.resume names {unknown}, which no pattern of talk.remember has as a group")
        return self

    @property
    def resuming(self) -> Resume | None:
        """`resume` as a table, also if it was written as a text."""
        return Resume(query=self.resume) if isinstance(self.resume, str) else self.resume

    def resumed(self, remembered: Mapping[str, str]) -> tuple[str, Talk] | None:
        """What a reconnecting client adds to its path, and how it then talks; None: it has no position yet."""
        resume = self.resuming
        if resume is None or not resume.names <= set(remembered):
            return None

        def recall(text: str) -> str:
            return RECALLED.sub(lambda found: remembered.get(found[1], found[0]), text)

        def step(each: str | Hex | Cue) -> str | Hex | Cue:
            if isinstance(each, Cue):
                return each.model_copy(update={"say": step(each.say)})
            return recall(each) if isinstance(each, str) else each

        in_query = {name: quote(value, safe="") for name, value in remembered.items()}
        query = RECALLED.sub(lambda found: in_query.get(found[1], found[0]), resume.query or "")
        changes: dict[str, Any] = {}
        if resume.headers is not None:
            changes["headers"] = {**self.headers, **{name: recall(value) for name, value in resume.headers.items()}}
        if resume.first is not None:
            changes["first"] = tuple(step(each) for each in resume.first)
        return query, self.model_copy(update=changes)


def read(table: dict[str, Any], prefix: str = "talk.") -> Talk:
    """The talk that a table describes; "none" or false is None. Raises ValueError: one line that names the key."""
    unknown = sorted(set(table) - set(Talk.model_fields))
    if unknown:
        raise ValueError(f"there is no key {prefix + unknown[0]!r}: allowed are as, {', '.join(Talk.model_fields)}")
    absent = [key for key, value in table.items() if value is False or value == "none"]
    optional = [key for key in absent if Talk.model_fields[key].default in (None, "{token}")]
    try:
        return Talk(**{**table, **dict.fromkeys(optional)})
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise ValueError(first["msg"].removeprefix("Value error, ")) from None
        key = str(first["loc"][0])
        raise ValueError(f"{prefix}{key} = {table[key]!r} is not allowed: {first['msg']}") from None


def token_of(client: str, n: int) -> str:
    """The mark of a client's own message `n`."""
    return f"m:{client}:{n}"


def fill(text: str | Hex, client: str, n: int = 0, ballast: str = "") -> str | bytes:
    """The message to send: a text, with `ballast` after its token, or the bytes of a binary message, without ballast.

    Raises ValueError for a name or a number that does not fit into a binary message.
    """
    if isinstance(text, str):
        values = {"{client}": client, "{token}": token_of(client, n) + ballast, "{n}": str(n)}
        return PLACEHOLDER.sub(lambda found: values[found[0]], text)
    name, number = client.ljust(CLIENT_BYTES, PAD), f"{n:0{NUMBER_BYTES}d}"
    if len(name) > CLIENT_BYTES or len(number) > NUMBER_BYTES:
        raise ValueError(f"{client!r}, message {n}: longer than {CLIENT_BYTES} characters and {NUMBER_BYTES} digits")
    fixed = {"{client}": name, "{token}": f"m:{name}:{number}", "{n}": number}
    parts = PLACEHOLDER.split(text.hex)
    return b"".join(fixed[part].encode() if part in fixed else bytes.fromhex(part) for part in parts)
