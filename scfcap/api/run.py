"""A finished run of a model: tables, lines, the workbook, the run folder."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap import __version__
from scfcap.api.contingency import READY_IN_RUN
from scfcap.api.outputs import Outputs
from scfcap.brief import Lines, money
from scfcap.report.files import RESULT_VERSION, csv_bytes, manifest, records, table_csv
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.tables import Results, RunMeta, Table
from scfcap.schema.base import names_given

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.funding.quote_words import Quote
    from scfcap.report.deal import DealReport
    from scfcap.report.store import SavedRun
    from scfcap.report.waterfall import Drawing
    from scfcap.schema.report import Language


@dataclass(frozen=True, repr=False)
class Run(Pictured):
    """A finished run of a model. ``seconds``: how long each station took."""

    model: Model
    seconds: Mapping[str, float]

    @cached_property
    def _tables(self) -> dict[str, Table]:
        from scfcap.api.live import waterfall_tables
        from scfcap.report.deal_tables import deal_tables, joined
        from scfcap.report.tables import run_tables

        currency = self.model.spec.currency
        reports = self.model.deal_reports()[0]
        kept = [{"deals_retention": x} for x in map(self._retention, reports) if len(x)]
        deals = joined([*(report.frames for report in reports), *kept])
        return {
            **run_tables(self.results(), currency),
            **deal_tables(deals, currency),
            **waterfall_tables(self.model),
        }

    def _retention(self, report: DealReport) -> pd.DataFrame:
        """What the originator keeps of a deal in the first scenario; empty where it states none."""
        import pandas as pd

        from scfcap.deal.retention import Kept, retention_frame
        from scfcap.schema.load import retention_rules

        spec = report.run.deal.spec
        if not any(each.retained for each in spec.tranches.values()):
            return pd.DataFrame()
        rules = retention_rules(self.model.loaded.folder)
        frame = retention_frame(Kept.of(report.run), rules, spec.closing)
        frame.insert(0, "deal", report.run.deal.name)
        return frame

    def tables(self) -> dict[str, Table]:
        """Every table of the run, by name."""
        return self._tables

    def results(self) -> Results:
        """The frames of the stations, as they give them."""
        model = self.model
        return Results(
            tape={
                "totals": model.tape().totals,
                "reasons": model.tape().reasons,
                "findings": model.tape().findings,
            },
            pool=model.pool().tables,
            credit=model.credit()[1],
            cashflow=model.cashflow().to_frame(),
            deals={name: deal.to_frame() for name, deal in model.deals().items()},
            plan={**model.plan_tables(), **model.contingency(ready=READY_IN_RUN).frames},
            orders=model.order_tables(),
        )

    def _about(self) -> About:
        from scfcap.report.pictures.pool import pool_values

        return replace(About.of_run(self.meta()), values=pool_values(self.model.pool().tables))

    def plots(self) -> Plots:
        """Pictures of its plan, pool, cash flows, series and deals."""
        from scfcap.api.plots import run_drawings

        return run_drawings(self)

    def _brief(self) -> tuple[str, Lines]:
        spec, plan = self.model.loaded.spec, self.model.kept("plan")
        title = f"Run of {spec.name} as of {spec.as_of}"
        took = ("took", f"{sum(self.seconds.values()):,.1f} s in {len(self.seconds)} stations")
        if plan is None:
            return title, [took]
        return title, [
            ("plan", f"{plan.status}, {len(plan.grid)} periods to {plan.grid.ends[-1]}"),
            ("net income", money(plan.net_income, spec.currency)),
            took,
        ]

    def meta(self) -> RunMeta:
        """What a reader must know to place the figures."""
        spec, plan, law = self.model.spec, self.model.plan(), self.model.loaded.law
        return RunMeta(
            model=spec.name,
            title=spec.title,
            as_of=spec.as_of,
            regime="none" if law is None else law.title(spec.as_of, plan.grid.ends[-1]),
            currency=spec.currency,
            money_unit=spec.plan.money_unit,
            scenario=spec.plan.scenario,
            frequency=spec.plan.frequency,
            status=plan.status,
            objective=plan.objective,
            net_income=plan.net_income,
            version=__version__,
            digest=self.model.loaded.digest,
            overrides=self.model.loaded.overrides,
            command=self._command(),
            names=names_given(self.model.loaded.spec),
        )

    def _command(self) -> str:
        """The command that repeats the run."""
        parts = ["scfcap", "run", self.model.loaded.folder.name]
        parts += [part for text in self.model.loaded.overrides for part in ("--set", text)]
        if self.model.tape_path is not None:
            parts += ["--tape", self.model.tape_path.name]
        return shlex.join(parts)

    def summary(self) -> list[str]:
        """The run in ten lines."""
        from scfcap.report.lines import ten_lines

        return ten_lines(self.tables(), self.meta())

    def headline(self) -> list[str]:
        """The run in five lines."""
        from scfcap.report.lines import five_lines

        return five_lines(self.tables(), self.meta())

    def cautions(self) -> list[str]:
        """What no figure shows; see :func:`scfcap.report.cautions.cautions`."""
        from scfcap.funding.holding import holding_cautions
        from scfcap.funding.weighed import risk_told
        from scfcap.report.cautions import cautions

        reports, left_out = self.model.deal_reports()
        told = [f"Deal {r.run.deal.name}: {said}" for r in reports for said in r.cautions]
        plan = self.model.plan()
        held = [*holding_cautions(plan.optimum.inputs), *risk_told(plan)]
        taken = () if self.model.taken is None else self.model.taken.notes
        frame = self.model.tape().frame
        return [*taken, *cautions(self.model.spec, frame), *held, *told, *left_out]

    def result(self) -> dict[str, Any]:
        """The figures that others build on, as plain values; the tables hold all of them."""
        return self._result(self.tables(), self.meta(), self.cautions())

    def _result(
        self, tables: Mapping[str, Table], meta: RunMeta, cautions: list[str]
    ) -> dict[str, Any]:
        from scfcap.report.lines import ten_lines

        names = ("lending", "prices", "channels", "limits", "checks")
        rows = {name: records(tables[f"plan_{name}"].frame) for name in names}
        for name in ("deals_classes", "deals_fees", "deals_events"):
            if name in tables:
                rows[name] = records(tables[name].frame)
        rows["binding_limits"] = [row for row in rows.pop("limits") if row["binding"]]
        return {
            "schema_version": RESULT_VERSION,
            "model": meta.model,
            "as_of": meta.as_of.isoformat(),
            "currency": meta.currency,
            "regime": self.model.loaded.regime_name,
            "scenario": meta.scenario,
            "status": meta.status,
            "objective": meta.objective,
            "net_income": meta.net_income,
            "pool": records(tables["pool_summary"].frame),
            **rows,
            "summary": ten_lines(tables, meta),
            "cautions": cautions,
            "tables": sorted(tables),
        }

    def quote(
        self,
        segment: str,
        amount: float,
        tenor: int,
        *,
        rate: float | None = None,
        period: int | None = None,
        on: date | None = None,
        verify: bool = False,
    ) -> Quote:
        """What one more loan earns for the plan; see :func:`scfcap.api.quoting.quote`."""
        from scfcap.api.quoting import quoted, stand_of

        loan = (segment, amount, tenor)
        return quoted(stand_of(self.model), *loan, rate=rate, period=period, on=on, verify=verify)

    def to_excel(
        self, path: str | Path, report: str | None = None, language: Language | None = None
    ) -> Path:
        """Write one workbook alone: of the pack ``report``, else of the model's own.

        ``language`` goes before what the pack says. Raises :class:`~scfcap.errors.InputError`.
        """
        from scfcap.report.packs import PackRun

        wanted = Outputs(() if report is None else (report,), language)
        (pack,) = packs = tuple(wanted.packs(self.model.loaded).values())
        mask = wanted.mask(self.model, packs)
        return PackRun(self.tables(), self.meta(), mask=mask).workbook(pack, Path(path))

    def waterfalls(self) -> tuple[Drawing, ...]:
        """The waterfall of each deal that ran, as a drawing."""
        from scfcap.report.waterfall import drawing

        deals = [report.run.deal for report in self.model.deal_reports()[0]]
        return tuple(drawing(deal.name, deal.spec) for deal in deals)

    def to_page(
        self, path: str | Path, report: str | None = None, language: Language | None = None
    ) -> Path:
        """Write one page alone, one HTML file: as :meth:`to_excel` writes a workbook."""
        from scfcap.report.packs import PackRun

        wanted = Outputs(() if report is None else (report,), language)
        (pack,) = packs = tuple(wanted.packs(self.model.loaded).values())
        mask = wanted.mask(self.model, packs)
        made = PackRun(self.tables(), self.meta(), waterfalls=self.waterfalls(), mask=mask)
        return made.to_page(pack, Path(path))

    def save(
        self,
        out: str | Path,
        outputs: Outputs | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> SavedRun:
        """Write the run folder: manifest, results, tables and their dictionary, workbooks, pictures
        of the plan, rejected rows if any.

        It also keeps what its cash flows and plan were made from, for ``scfcap compare``, and the
        plan's prices, for ``scfcap quote``: not where all is masked. ``progress`` is told of the
        tables and of each pack as they begin. Raises :class:`~scfcap.errors.InputError`.
        """
        from scfcap.api.planning import solved
        from scfcap.api.plots import saved_pictures, table_drawings
        from scfcap.api.quoting import stored_prices
        from scfcap.api.stored import stored_inputs
        from scfcap.report.dictionary import dictionary
        from scfcap.report.packs import PackRun, told
        from scfcap.report.store import save_run

        if progress is not None:
            progress("tables")
        outputs = outputs or Outputs()
        packs = outputs.packs(self.model.loaded)
        outputs.refuse_key_in(Path(out))
        mask = outputs.mask(self.model, packs.values())
        waterfalls = self.waterfalls()
        tables, meta, result = self.tables(), self.meta(), self.result()
        origin = self.model.provenance(self.model.tape()) | {"solved": solved(self.model.plan())}
        extra: dict[str, bytes] = {}
        if mask is not None and outputs.privacy is not None:
            tables, meta = mask.tables(tables), mask.meta(meta)
            waterfalls = mask.nested(waterfalls)
            result = self._result(tables, meta, mask.nested(self.cautions()))
            origin = mask.nested(origin) | {"digests": origin["digests"], "privacy": "masked"}
            mask = None
        else:
            extra |= stored_inputs(self.model, plan=True) | stored_prices(self.model)
            if len(self.model.tape().rejects):
                extra["rejects.csv"] = csv_bytes(self.model.tape().rejects)
        extra["dictionary.csv"] = table_csv(dictionary(tables, meta.currency))
        language = next(iter(packs.values())).language
        extra |= saved_pictures(table_drawings(tables, meta), language, lambda: About.of_run(meta))
        made = PackRun(
            tables,
            meta,
            pdf=outputs.pdf,
            csv=outputs.csv,
            page=outputs.page,
            waterfalls=waterfalls,
            mask=mask,
            recalculate=outputs.recalculate,
        )
        about = {"reports": list(packs), "about": told(meta, waterfalls)}
        return save_run(
            Path(out),
            tables,
            manifest(origin | about, self.seconds)
            | ({"recalculated": made.proofs} if outputs.recalculate else {}),
            result,
            files=made.files(packs, progress),
            extra=extra,
        )


def run(model: Model, progress: Callable[[str], None] | None = None) -> Run:
    """Every station in turn; ``progress`` is told the name of each as it begins."""
    from scfcap.report.sheets.stated import check_pack

    model.borrower_costs()  # bad quotes are refused before the work, not after it
    check_pack(model.loaded.pack)
    seconds: dict[str, float] = {}
    stations: dict[str, Callable[[], object]] = {
        "tape": model.tape,
        "pool": model.pool,
        "credit": model.curves,
        "cash flows": model.cashflow,
        "cohorts": model.factors,
        "deals": lambda: (model.deals(), model.deal_reports()),
        "plan": model.plan,
        "contingency": lambda: model.contingency(ready=READY_IN_RUN),
    }
    for name, station in stations.items():
        if progress is not None:
            progress(name)
        started = time.perf_counter()
        station()
        seconds[name] = time.perf_counter() - started
    return Run(model, seconds)
