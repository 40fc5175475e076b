"""Where the shipped models and report packs are; light to import."""

from __future__ import annotations

from importlib.resources import files as package_files
from pathlib import Path
from typing import Literal

MODEL_FILE = "model.toml"


def shipped(kind: Literal["models", "reports"]) -> Path:
    """Folder of the shipped models or report packs: inside a wheel, else in the checkout."""
    package = Path(str(package_files("scfcap")))
    inside = package / "_shipped" / kind
    return inside if inside.is_dir() else package.parent / kind


def shipped_models() -> list[str]:
    """Names of the shipped models, sorted."""
    return sorted(path.parent.name for path in shipped("models").glob(f"*/{MODEL_FILE}"))
