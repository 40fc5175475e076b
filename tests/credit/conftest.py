"""Published tables for the tests of the credit statistics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TABLES = Path(__file__).resolve().parents[1] / "golden" / "tables"


@pytest.fixture(scope="session")
def published() -> Callable[[str], dict[str, Any]]:
    """A published table on credit, by name."""
    return lambda name: json.loads((TABLES / "credit" / f"{name}.json").read_text("utf-8"))
