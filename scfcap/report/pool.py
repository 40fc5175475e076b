"""A pool by itself, to show and to save: tables, borrowing bases, loan by loan, snapshot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap import __version__
from scfcap.brief import Lines, listed, money
from scfcap.errors import InputError, Problem
from scfcap.pool.snapshot import Pool
from scfcap.pool.store import snapshot_bytes
from scfcap.report.excel import build_workbook
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.pool import pool_drawings, pool_values
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import RunMeta, Table, named_table
from scfcap.schema.base import names_given
from scfcap.schema.load import LoadedModel
from scfcap.schema.report import Pack
from scfcap.tape.schema import Tape

#: Name of the snapshot in a run folder.
SNAPSHOT = "pool.parquet"
_PACK = Pack(title="Loan pool", sheets=("pool",), file_name="pool.xlsx")


@dataclass(frozen=True, repr=False)
class PoolReport(Pictured):
    """The pool of a model. ``origin`` is what its manifest says of where figures come from."""

    model: LoadedModel
    tape: Tape
    pool: Pool
    origin: Mapping[str, Any]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The pool's tables with units, by name; also those of the tape that it starts from."""
        frames = {
            "tape_totals": self.tape.totals,
            "tape_findings": self.tape.findings,
            **{f"pool_{name}": frame for name, frame in self.pool.tables.items()},
        }
        currency = self.model.spec.currency
        return {name: named_table(name, frame, currency) for name, frame in frames.items()}

    @property
    def traces(self) -> dict[str, Table]:
        """Each borrowing base loan by loan."""
        currency = self.model.spec.currency
        return {
            f"trace_{name}": named_table(f"trace_{name}", base.trace, currency)
            for name, base in self.pool.borrowing_bases.items()
        }

    def document(self) -> dict[str, Any]:
        """The report as plain values; the loans stand in the files only."""
        pool, spec = self.pool, self.model.spec
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": spec.currency,
            "loans": len(pool),
            "balance": pool.total,
            "digest": pool.digest,
            "inputs": dict(pool.inputs),
            "tables": {name: records(frame) for name, frame in sorted(pool.tables.items())},
        }

    def explain(self, figure: str) -> pd.DataFrame:
        """The loans behind ``BASE/FIGURE``, a figure of a borrowing base, and their amounts in it.

        Raises :class:`InputError` where there is no such base or figure.
        """
        name, _, key = figure.partition("/")
        bases = self.pool.borrowing_bases
        if name not in bases:
            raise InputError(
                Problem(
                    f"--explain {figure}",
                    f"borrowing base {name!r}",
                    f"one of {', '.join(bases) or '(none)'}",
                    "Write BASE/FIGURE; FIGURE stands in borrowing_base_BASE.csv, which --out "
                    "writes.",
                )
            )
        return bases[name].explain(key)

    def meta(self) -> RunMeta:
        """What a reader must know to place the figures; there is no plan."""
        spec, regime = self.model.spec, self.model.regime
        return RunMeta(
            model=spec.name,
            title=spec.title,
            as_of=spec.as_of,
            regime=regime.title if regime is not None else "none",
            currency=spec.currency,
            money_unit=spec.plan.money_unit,
            scenario=spec.plan.scenario,
            frequency=spec.plan.frequency,
            status="pool",
            objective=math.nan,
            net_income=math.nan,
            version=__version__,
            digest=self.pool.digest,
            overrides=self.model.overrides,
            names=names_given(spec),
        )

    def _brief(self) -> tuple[str, Lines]:
        return f"Pool of {self.model.spec.name} as of {self.pool.as_of}", [
            ("loans", f"{len(self.pool):,}"),
            ("balance", money(self.pool.total, self.model.spec.currency)),
            ("pictures", listed(self.kinds)),
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return replace(About.of(self.model.spec), values=pool_values(self.pool.tables))

    def plots(self) -> Plots:
        """What the pool is made of, its concentrations, what keeps loans out."""
        return pool_drawings(self.tables, self._about())

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook alone: the Pool sheet."""
        pack = _PACK.model_copy(update={"language": self.model.pack.language})
        return build_workbook(self.tables, pack, self.meta(), Path(path))

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: tables, the borrowing bases loan by loan, the pool, the workbook.

        The tables also stand there as CSV.
        """
        extra = {
            f"{name.removeprefix('pool_')}.csv": csv_bytes(table.frame)
            for name, table in self.tables.items()
            if name.startswith("pool_")
        }
        extra[SNAPSHOT] = snapshot_bytes(self.pool)
        result = {k: v for k, v in self.document().items() if k != "tables"}
        return save_run(
            Path(out),
            {**self.tables, **self.traces},
            {**self.origin, "pool": {"digest": self.pool.digest, "inputs": dict(self.pool.inputs)}},
            result,
            workbook=(_PACK.file_name, self.to_excel),
            extra=extra,
        )


def shown(pool: Pool) -> dict[str, pd.DataFrame]:
    """The tables of a pool that a reader looks at first, by title, in their order."""
    tables = pool.tables
    order = ["summary", "eligibility_answers", "eligibility", "concentrations", "usable"]
    order += [name for kind in ("borrowing_base_", "stratification_", "largest_")
              for name in tables if name.startswith(kind)]  # fmt: skip
    return {name: tables[name] for name in order if len(tables[name])}
