"""One thing looked at: its light, what was found, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Light = Literal["green", "yellow", "red"]
#: All well; something is lacking that scfcap does without; something needed is broken.
GREEN: Final = "green"
YELLOW: Final = "yellow"
RED: Final = "red"


@dataclass(frozen=True)
class Finding:
    """What was found of ``name``, in words, and what to do where the light is not green."""

    name: str
    light: Light
    found: str
    action: str = ""
