"""The base of every schema: frozen, and no unknown key passes."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from scfcap.quantities import SCALED


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
        """A copy with every :data:`~scfcap.quantities.Money` field times ``factor``."""
        changes: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if SCALED in field.metadata and value is not None:
                changes[name] = value * factor
            else:
                changed = _scale(value, factor)
                if changed is not value:
                    changes[name] = changed
        return self.model_copy(update=changes) if changes else self


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
