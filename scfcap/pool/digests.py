"""Digests of what a pool is made from, by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from scfcap.schema.base import Schema
from scfcap.schema.plan import Lender
from scfcap.schema.pool import PoolSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.schema import Tape


def named_digests(
    tape: Tape,
    rules: PoolSpec,
    mapping: TapeSpec | None,
    lenders: Sequence[Lender] = (),
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """SHA-256 of each input of a pool, sorted by name; ``as_of`` stands as it is."""
    used = {base.lender for base in rules.borrowing_base.values()}
    found = {
        "as_of": tape.as_of.isoformat(),
        "rules": digest_of(rules),
        "tape": tape.digest,
        **(more or {}),
    }
    if mapping is not None:
        found["mapping"] = digest_of(mapping)
    if used - {None}:
        found["lenders"] = digest_of(*(each for each in lenders if each.name in used))
    return dict(sorted(found.items()))


def digest_of(*parts: Schema) -> str:
    """SHA-256 of records, by what they state."""
    stated = [part.model_dump(mode="json") for part in parts]
    text = json.dumps(stated, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def combined(inputs: Mapping[str, str]) -> str:
    """SHA-256 over named digests: equal inputs, equal digest."""
    text = json.dumps(dict(sorted(inputs.items())), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
