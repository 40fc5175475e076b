"""The base of every schema: frozen, and no unknown key passes."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

from scfcap.quantities import SCALED


class Schema(BaseModel):
    """A frozen record of a model file. Field docstrings are the users' documentation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=False, use_attribute_docstrings=True
    )

    def scaled(self, factor: float) -> Self:
        """A copy with every :data:`~scfcap.quantities.Money` amount times ``factor``.

        Amounts stand in fields, optional fields, and values of tables (``notes``).
        """
        changes: dict[str, Any] = {}
        money = _money_fields(type(self))
        for name in type(self).model_fields:
            value = getattr(self, name)
            changed = _times(value, factor) if name in money else _scale(value, factor)
            if changed is not value:
                changes[name] = changed
        return self.model_copy(update=changes) if changes else self


@cache
def _money_fields(schema: type[Schema]) -> frozenset[str]:
    hints = get_type_hints(schema, include_extras=True)
    return frozenset(name for name in schema.model_fields if _holds_money(hints[name]))


def _holds_money(annotation: Any) -> bool:
    """Whether an annotation is Money, an optional one, or a table of Money."""
    if get_origin(annotation) is Annotated:
        return any(part is SCALED for part in annotation.__metadata__)
    return any(_holds_money(part) for part in get_args(annotation))


def _times(value: Any, factor: float) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: amount * factor for key, amount in value.items()}
    return value * factor


def _scale(value: Any, factor: float) -> Any:
    if isinstance(value, Schema):
        return value.scaled(factor)
    if isinstance(value, tuple):
        scaled = tuple(_scale(item, factor) for item in value)
        return scaled if any(a is not b for a, b in zip(scaled, value, strict=True)) else value
    if isinstance(value, dict):
        scaled_dict = {key: _scale(item, factor) for key, item in value.items()}
        return scaled_dict if any(scaled_dict[k] is not v for k, v in value.items()) else value
    return value
