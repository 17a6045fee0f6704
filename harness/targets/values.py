"""Values that a target declares, and what is said about a wrong one.

Owns `allowed`, which turns whatever is wrong with a value into one line, and the kinds of values that more than one
model has. Refuses to know which key a value belongs to. Pure.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError


def allowed(what: str) -> WrapValidator:
    """Whatever is wrong with a value: the error says what is allowed."""

    def validate(value: Any, validate_as_usual: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate_as_usual(value)
        except ValueError:
            raise PydanticCustomError("not_allowed", "{what}", {"what": what}) from None

    return WrapValidator(validate)


UrlPath = Annotated[str, Field(pattern="^/"), allowed("a path, which begins with /")]
NonEmptyText = Annotated[str, Field(min_length=1), allowed("a text")]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), allowed("seconds, 0 or more")]
