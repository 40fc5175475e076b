"""The base of every schema: frozen, and no unknown key passes."""

from __future__ import annotations

from typing import Annotated, Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from scfcap.quantities import SCALED

#: What a name looks like that formulas speak of.
NAME_PATTERN = r"^[^\W\d]\w*$"


class MisfitError(ValueError):
    """Values that do not go together: what was found, what is expected, what to do.

    ``key`` is the dotted key below the record that raises it, empty for the record itself.
    """

    def __init__(self, *, found: str, expected: str, action: str = "", key: str = "") -> None:
        self.found, self.expected, self.action, self.key = found, expected, action, key
        super().__init__(f"found {found}; expected {expected}")


class Schema(BaseModel):
    """A frozen record of a model file. Field docstrings are the users' documentation."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=False,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    def scaled(self, factor: float) -> Self:
        """A copy with every :data:`~scfcap.quantities.Money` amount times ``factor``.

        Also the amounts in optional fields (``Money | None``) and tables (``dict[str, Money]``).
        """
        changes: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            money = SCALED in field.metadata or _holds_money(field.annotation)
            changed = _scale(value, factor, money=money)
            if changed is not value:
                changes[name] = changed
        return self.model_copy(update=changes) if changes else self


def _holds_money(annotation: Any) -> bool:
    """Whether an annotation has amounts inside: optional, in a table or in a list."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return SCALED in arguments[1:]
    return any(_holds_money(argument) for argument in arguments)


def _scale(value: Any, factor: float, *, money: bool) -> Any:
    if isinstance(value, Schema):
        return value.scaled(factor)
    if money and isinstance(value, int | float):
        return value * factor
    if isinstance(value, tuple):
        items = tuple(_scale(item, factor, money=money) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        table = {key: _scale(item, factor, money=money) for key, item in value.items()}
        return table if any(table[k] is not v for k, v in value.items()) else value
    return value


def names_given(spec: Schema) -> tuple[str, ...]:
    """Names and titles that a model gives to what it states, sorted: no language changes them."""
    found: set[str] = set()
    pending: list[Any] = [spec]
    while pending:
        value = pending.pop()
        if isinstance(value, Schema):
            told = (getattr(value, key, None) for key in ("name", "title"))
            found.update(text for text in told if isinstance(text, str) and text)
            pending.extend(getattr(value, name) for name in type(value).model_fields)
        elif isinstance(value, dict):
            found.update(key for key in value if isinstance(key, str))
            pending.extend(value.values())
        elif isinstance(value, tuple):
            pending.extend(value)
    return tuple(sorted(found))
