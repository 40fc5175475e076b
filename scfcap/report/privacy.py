"""Names and identity numbers out of what is sent on: each stands as a number of its own.

A number tells nothing of the name: it is a place in a random order, drawn from a secret. Plain
hashes would not do, for whoever knows the names that may occur (borrowers 1 to 1,000) could hash
them all and compare.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from scfcap.report.tables import RunMeta, Table

#: What names of a kind are called, by kind: "borrower no. 0017".
KINDS = ("loan", "borrower", "buyer", "group", "name")
#: Columns of a run's tables that hold identities, beside those of the tape.
COLUMNS = {"loan_id": "loan", "borrower_id": "borrower", "seller_id": "borrower",
           "buyer_id": "buyer", "group": "group"}  # fmt: skip
#: Texts are searched for names of some kinds before others, where one name is of several.
_FIRST = ("buyer", "group", "name", "borrower", "loan")
#: Identities of more words than this are not looked for in sentences [words].
MOST_WORDS = 60
#: What tables of largest values say of what is no single one.
_TOGETHER = re.compile(r"[\d,]+ others( above it)?|\d+ largest|\(missing\)")
#: A word; each sign of a script without blanks between words is one.
_SIGN = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGN}]|[^\W_{_SIGN}]+")
_EDGES = r"^[\W_]+|[\W_]+$"
#: A number in a text that can only be an identity: what stands before it says so.
_NUMBERED = re.compile(
    r"\b(?P<kind>loan|borrower|seller|buyer|core|group)(?:_id)?"
    r"(?P<between>\s*(?:no\.|=|!=|==|:|#|in|not in|\(|\[|\s|\"|')+\s*)(?P<number>\d[\w.-]*)",
    re.IGNORECASE,
)
_SAME = {"seller": "borrower", "core": "buyer"}


def numbered(
    identities: Mapping[str, Iterable[str]],
    secret: bytes,
    known: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, pd.Series]:
    """A number for each identity, by kind: a Series of numbers from 1, indexed by identity.

    Those ``known`` keep theirs; others follow in an order that ``secret`` draws (SHAKE-256 as the
    stream of random numbers that they are sorted by).
    """
    found = {}
    for kind, given in identities.items():
        old = pd.Series(dict((known or {}).get(kind, {})), dtype="int64")
        old.index = old.index.astype("object")
        names = pd.Index(sorted(set(given)), dtype="object").difference(old.index, sort=False)
        count = len(names)
        stream = hashlib.shake_256(secret + kind.encode()).digest(16 * count)
        draws = np.frombuffer(stream, dtype="<u8").reshape(count, 2)
        order = np.lexsort((draws[:, 1], draws[:, 0]))
        numbers = np.empty(count, dtype=np.int64)
        numbers[order] = int(old.max() if len(old) else 0) + 1 + np.arange(count)
        found[kind] = pd.concat([old, pd.Series(numbers, index=names, dtype="int64")])
    return found


def secret_of(frame: pd.DataFrame) -> bytes:
    """A secret that only who has the loans can work out: it rests on every cell of ``frame``."""
    rows = pd.util.hash_pandas_object(frame.astype("str"), index=False).to_numpy()
    return hashlib.sha256(b"scfcap privacy 1" + rows.astype("<u8").tobytes()).digest()


@dataclass(frozen=True)
class Mask:
    """Puts numbers in place of identities.

    ``numbers``: of :func:`numbered`. ``columns``: kind by column that holds identities. ``limits``:
    column by limit on concentrations (set, limit).
    """

    numbers: Mapping[str, pd.Series]
    columns: Mapping[str, str] = field(default_factory=lambda: dict(COLUMNS))
    limits: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def label(self, kind: str, identity: object) -> str:
        """``borrower no. 0017``; what is unknown has no number."""
        numbers = self.numbers.get(kind)
        if numbers is None or str(identity) not in numbers.index:
            return f"{kind} without a number"
        return _label(kind, int(numbers[str(identity)]), int(numbers.max()))

    @cached_property
    def _words(self) -> dict[str, tuple[str, str]]:
        """Kind and identity by the identity as it is looked for: folded, without edges."""
        found: dict[str, tuple[str, str]] = {}
        for kind in reversed([k for k in _FIRST if k in self.numbers]):
            names = pd.Series(self.numbers[kind].index, dtype="object").astype("str")
            bare = names.str.replace(_EDGES, "", regex=True).str.casefold()
            told = (bare.str.len() > 1) & bare.str.contains(r"[^\W\d_]", regex=True)
            found.update(
                (word, (kind, name)) for word, name in zip(bare[told], names[told], strict=True)
            )
        return found

    @cached_property
    def _longest(self) -> int:
        return min(MOST_WORDS, max((len(_WORD.findall(name)) for name in self._words), default=0))

    def is_identity(self, name: str) -> bool:
        """Whether ``name`` is one that texts are searched for."""
        return name.casefold() in self._words

    def text(self, text: str) -> str:
        """``text`` without identities: whole words, and numbers that are said to be identities."""
        words = list(_WORD.finditer(text))
        parts, done, at = [], 0, 0
        while at < len(words):
            start = words[at].start()
            step = 1
            for last in range(min(at + self._longest, len(words)) - 1, at - 1, -1):
                end = words[last].end()
                found = self._words.get(text[start:end].casefold())
                if found is not None:
                    parts += [text[done:start], self.label(*found)]
                    done, step = end, last - at + 1
                    break
            at += step
        parts.append(text[done:])
        return _NUMBERED.sub(self._number, "".join(parts))

    def _number(self, found: re.Match[str]) -> str:
        kind = found["kind"].lower()
        kind = _SAME.get(kind, kind)
        known = self.numbers.get(kind)
        number = found["number"].rstrip(".-")
        if known is None or number not in known.index or "no." in found["between"]:
            return found[0]
        tail = found["number"][len(number) :]
        return f"{found[0][: found.start('between') - found.start()]}" + (
            f"{found['between']}{self.label(kind, number)}{tail}"
        )

    def nested(self, value: Any) -> Any:
        """The same for every text in mappings and sequences."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.nested(key): self.nested(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.nested(item) for item in value)
        return value

    def meta(self, meta: RunMeta) -> RunMeta:
        """What a reader must know, without identities."""
        texts = {
            name: self.nested(value)
            for name, value in vars(meta).items()
            if isinstance(value, str | tuple)
        }
        return replace(meta, **texts)

    def table(self, table: Table) -> Table:
        """The same table without identities.

        Lists by loan lose the tape's order, and findings the row, which would tell the loan.
        """
        frame = table.frame.copy()
        kinds = {name: self.columns[str(name)] for name in frame if str(name) in self.columns}
        for name in frame:
            if name in kinds:
                frame[name] = self._labels(kinds[name], frame[name])
            elif _texts(frame[name]):
                frame[name] = _mapped(frame[name], self._cell(table.name, str(name)))
        if table.name == "pool_concentrations":
            frame["value"] = [
                self._limited(each)
                for each in table.frame[["set", "limit", "value"]].itertuples(index=False)
            ]
        if table.name == "tape_findings" and "row" in frame:
            frame["row"] = 0
        if "loan_id" in kinds:
            frame = frame.sort_values("loan_id", kind="stable", ignore_index=True)
        return replace(table, frame=frame, title=self.text(table.title), note=self.text(table.note))

    def tables(self, tables: Mapping[str, Table]) -> dict[str, Table]:
        """All of them."""
        return {name: self.table(table) for name, table in tables.items()}

    def _labels(self, kind: str, cells: pd.Series) -> pd.Series:
        """The same as :meth:`label` for each cell; what is missing stays so."""
        known = self.numbers.get(kind, pd.Series(dtype="int64"))
        given = cells.astype("object").where(cells.notna(), None)
        found = known.reindex(given.astype("str")).fillna(0).astype("int64")
        width = max(4, len(str(int(known.max() if len(known) else 0))))
        texts = f"{kind} no. " + found.astype("str").str.zfill(width)
        labels = texts.where(found > 0, f"{kind} without a number").astype("object")
        labels.index = cells.index
        return labels.where(cells.notna(), None)

    def _cell(self, table: str, column: str) -> Any:
        """What is put in place of a text of a column."""
        for start, place in (("pool_largest_", "value"), ("pool_stratification_", "name")):
            kind = self.columns.get(table.removeprefix(start))
            if table.startswith(start) and column == place and kind is not None:
                return lambda text: self._one(kind, text)
        if table == "tape_findings" and column == "value":
            return _figure
        return self.text

    def _one(self, kind: str, text: str) -> str:
        known = self.numbers.get(kind)
        if (known is None or text not in known.index) and _TOGETHER.fullmatch(text):
            return text
        return self.label(kind, text)

    def _limited(self, row: Any) -> Any:
        column = self.limits.get((row[0], row[1]), "")
        kind = self.columns.get(column)
        return self.text(str(row[2])) if kind is None else self._one(kind, str(row[2]))


def _label(kind: str, number: int, most: int) -> str:
    return f"{kind} no. {number:0{max(4, len(str(most)))}d}"


def _figure(text: str) -> str:
    """A cell of a tape: shown only if it is a number, for a shifted row has names anywhere."""
    try:
        float(text)
    except ValueError:
        return "(not shown)" if text else text
    return "(not shown)" if text.strip().isdigit() and len(text.strip()) > 1 else text


def _texts(cells: pd.Series) -> bool:
    kind = cells.dtype
    plain = pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)
    return not plain


def _mapped(cells: pd.Series, say: Any) -> pd.Series:
    """Each text of ``cells`` as ``say`` says it; once for each that differs."""
    objects = cells.astype("object")
    known = {x: say(str(x)) for x in objects.dropna().unique() if isinstance(x, str | int)
             and not isinstance(x, bool)}  # fmt: skip
    return objects.map(lambda x: known.get(x, x) if isinstance(x, str | int) else x)
