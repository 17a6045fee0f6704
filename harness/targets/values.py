"""Values that a target declares, and the errors for wrong ones.

Owns `allowed`, which turns any error in a value into one line, and the kinds of values. Refuses to know which key a
value belongs to. Pure.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError


def allowed(what: str) -> WrapValidator:
    """Replace any error in a value by one that says what is allowed."""

    def validate(value: Any, validate_as_usual: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate_as_usual(value)
        except ValueError:
            raise PydanticCustomError("not_allowed", "{what}", {"what": what}) from None

    return WrapValidator(validate)


def _split(words: Any) -> Any:
    return shlex.split(words) if isinstance(words, str) else words


def _with_a_reason(entry: Any) -> Any:
    return {"reason": entry} if isinstance(entry, str) else entry


class Known(BaseModel):
    """A failure that is expected: why, and whether it comes and goes (`flaky`), so that a pass is no error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, Field(min_length=1)]
    flaky: Annotated[bool, Field(strict=True)] = False


UrlPath = Annotated[str, Field(pattern="^/"), allowed("a path, which begins with /")]
NonEmptyText = Annotated[str, Field(min_length=1), allowed("a text")]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), allowed("seconds, 0 or more")]
LocalUrl = Annotated[
    str,
    Field(pattern=r"^ws://(localhost|127\.0\.0\.1):[1-9]\d{0,4}(/.*)?$"),
    allowed("ws://127.0.0.1:PORT/PATH: a server on this machine, or the published port of its container"),
]
SignalName = Literal["TERM", "INT", "QUIT", "HUP", "USR1", "USR2"]
Rate = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False), allowed("closes a second, above 0")]
Count = Annotated[int, Field(strict=True, ge=1), allowed("a whole number, 1 or more")]
Flag = Annotated[bool, Field(strict=True), allowed("true or false")]
Words = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_split),
    allowed("words, as a list or in one text"),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Environment = Annotated[dict[Annotated[str, Field(pattern="^[^=]+$")], str], allowed("a table of names and texts")]
Statuses = Annotated[
    tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), allowed("a list of exit statuses")
]
CloseCodes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1000, le=4999)], ...],
    Field(min_length=1),
    allowed("a list of close codes, 1000 to 4999"),
]
DialectName = Literal["broadcast", "echo", "envelope", "others", "silent", "twice"]
Level = Literal["clean", "drain", "handover"]
KnownFailures = Annotated[
    dict[Annotated[int, Field(ge=1)], Annotated[Known, BeforeValidator(_with_a_reason)]],
    allowed('a table: { "13" = "why it fails" }, or { "13" = { reason = "why", flaky = true } }'),
]
