"""A small model file, and how to write and load variants of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.schema.load import LoadedModel, load_model

MODEL = """\
name = "small"
title = "A small model"
currency = "CNY"
as_of = 2013-12-31
regime = "none"

[tape]
source = "platform"
platform = { loans = 100, seed = 1 }

[credit.segments.order_core]
cdr = 0.01
severity = 0.5

[scenarios.base]

[pool.eligibility.any]
rules = [{ test = "rate >= 0.0" }]

[plan]
periods = 12

[opening]
net_capital = 1e6

[demand.order_core]
per_period = 1e5
new_loans = { loan_type = "bullet", rate = 0.18, shortest = 5, longest = 30 }

[[lenders]]
name = "bank-a"
limit = 1e5
tenors = [{ periods = 6, rate = 0.07 }]

[[lenders]]
name = "bank-b"
limit = 2e5
tenors = [{ periods = 12, rate = 0.075 }]

[securitization]
revolving_periods = 10
amortising_periods = 3
programme_limit = 1e6
eligibility = "any"
trigger = { measure = "cumulative_default", threshold = 0.1 }
tranches = [
    { name = "senior", share = 0.9, coupon = 0.06 },
    { name = "junior", share = 0.1, retained = true },
]
issues = [{ name = "s-2", closing = 2014-03-31, max_pool = 1e5 }]

[[securitization.series]]
name = "s-1"
closing = 2013-08-31
pool_at_closing = 1e5
notes = { senior = 9e4 }
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write({old: new}, name=...)``: a model folder with the small model, texts replaced."""

    def make(changes: dict[str, str] | None = None, name: str = "small") -> Path:
        text = MODEL
        for old, new in (changes or {}).items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.toml").write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def loaded(write: Callable[..., Path]) -> Callable[..., LoadedModel]:
    """The small model, with overrides."""

    def load(*overrides: str) -> LoadedModel:
        return load_model(write(), overrides)

    return load


@pytest.fixture
def said(write: Callable[..., Path]) -> Callable[..., list[str]]:
    """What is said of the small model after a change, one text for each problem."""

    def fail(changes: dict[str, str], *overrides: str) -> list[str]:
        with pytest.raises(InputError) as error:
            load_model(write(changes), overrides)
        return [str(problem) for problem in error.value.problems]

    return fail
