"""How the clients of a target talk, as data: the table `[talk]` of a target file.

Owns the model, its placeholders and what is said about a wrong value. Refuses to know connections, and what becomes of
what is said. Pure.

A text is said as it stands but for three placeholders: `{client}` is who says it, `{token}` the mark by which a message
is known again, `{n}` its number alone. The token must come back, whole, in what is heard. In `{ hex = "..." }`, which
is said in a binary message, they have a fixed length, so that length fields can be written down: `CLIENT_BYTES`,
`TOKEN_BYTES`, `NUMBER_BYTES`.

A pattern is a regular expression that is searched for in a message; in a binary one each byte is one character.

A client that comes back says what it has: what `remember` found last in what it heard is put into `resume`, where the
names of groups stand as placeholders.
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
    """What is said when a pattern is heard, once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hear: Pattern
    say: Text


class KeepAlive(BaseModel):
    """What keeps a connection alive: `say` whenever `hear` is heard, or every `every_s` seconds.

    Without `say` nothing is answered, and what was heard is known to be no message.
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
    """How a client that comes back says what it has: `query` is added to its path, the rest replaces the talk's own.

    Each may have the names of groups of `remember` as placeholders, but for what is binary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: NonEmptyText | None = None
    headers: Headers | None = None
    first: tuple[Step, ...] | None = None

    @property
    def names(self) -> set[str]:
        """What it has to have heard before it can say all of this; `{client}` is no such thing."""
        said = [step.say if isinstance(step, Cue) else step for step in self.first or ()]
        texts = [self.query or "", *(self.headers or {}).values(), *(text for text in said if isinstance(text, str))]
        return {name for text in texts for name in RECALLED.findall(text)} - {"client"}


class Talk(BaseModel):
    """How a client talks.

    `headers` go with the handshake's request, and `subprotocol` is offered in it. `path` is where its protocol usually
    lives: for a target that declares no `ws`. `first` is said once connected, in this order; `{ hear, say }` waits
    until the pattern was heard. Until `let_in` is heard a client is not in. `say` is how it says something; None: it
    only listens. `say_per_s`: how many texts a client says in a second at most. `ignore`: a message in which
    this is found means nothing, though a token may be in it. `notice` is how the target announces that it stops, with
    the seconds that are left in the group `left_s` and the moment of the reconnect in `reconnect_after_s`. `remember`
    finds in what is heard where a client stands; with `resume` it goes on from there when it comes back.
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
        """The same of a text and of a table."""
        return Resume(query=self.resume) if isinstance(self.resume, str) else self.resume

    def resumed(self, remembered: Mapping[str, str]) -> tuple[str, Talk] | None:
        """What a client that comes back adds to its path, and how it then talks; None: it has nothing to go on from."""
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
    """What is really said: a text, with `ballast` behind its token, or the bytes of a binary message, without.

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
