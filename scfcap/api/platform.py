"""Several deals of one platform at once: no loan is in two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.deals import Elsewhere
    from scfcap.api.model import Model
    from scfcap.deal.loan_assets import LoanAssets
    from scfcap.deal.outcome import DealRun
    from scfcap.quantities import FloatArray
    from scfcap.schema.scenario import Scenario

#: How far the shares of a loan in all deals may be above the whole of it.
_TOLERANCE = 1e-9
#: Loans that an error names.
_NAMED = 3


def run_together(
    model: Model,
    names: Sequence[str] | None = None,
    scenarios: Mapping[str, Scenario] | None = None,
    *,
    trace: bool = False,
) -> dict[str, DealRun]:
    """Several deals of a model, by name; ``names`` in the order in which they buy, None: all.

    Each loan of the tape is in one deal, or in several by shares that add up to at most the whole.
    A deal that buys whole loans and states a ``size`` takes its first loans out of those that the
    deals before it have left. Purchases: the first deal chooses among all loans on offer in a
    period, the next among those that are left; where deals buy shares of what is lent, what those
    before have bought in a period is taken off the ``supply`` of the next.

    Raises:
        InputError: as :func:`~scfcap.api.deals.deal_case`; deals hold more of a loan than there
            is; some buy whole loans and others shares; deals that share supply do not settle alike.
    """
    from scfcap.api.deals import deal_case, named_deal

    chosen = sorted(model.spec.deals) if names is None else [named_deal(model, n) for n in names]
    if len(set(chosen)) < len(chosen):
        raise InputError(Problem("deals", ", ".join(chosen), "each deal once"))
    _refuse_unlike(model, chosen)
    held = {name: share for name in chosen if (share := _held(model, name)) is not None}
    _refuse_twice(model, held)
    shared = dict(model.spec.scenarios if scenarios is None else scenarios)
    runs: dict[str, DealRun] = {}
    for name in chosen:
        mine = held.pop(name, None)
        before = _elsewhere(model, runs, held)
        runs[name] = deal_case(model, name, shared).run(trace=trace, elsewhere=before)
        held[name] = _chosen(model, runs[name]) if mine is None else mine
    return runs


def _held(model: Model, name: str) -> FloatArray | None:
    """Share of each loan of the pool in the deal; None where it is yet to choose whole loans."""
    from scfcap.api.deals import deal_pool

    spec = model.spec.deals[name]
    if spec.assets.purchases == "loans" and spec.assets.size is not None:
        return None
    return np.asarray(deal_pool(model, name, spec).balance / model.pool().balance)


def _chosen(model: Model, run: DealRun) -> FloatArray:
    """The same of whole loans that were chosen in a run."""
    share, assets = np.zeros(len(model.pool())), _loans(run)
    if assets is not None and assets.stock.tape_row is not None:
        share[assets.stock.tape_row[assets.stock.held]] = 1.0
    return share


def _loans(run: DealRun) -> LoanAssets | None:
    """The whole loans of a run, if it has such."""
    from scfcap.deal.actuals import ActualAssets
    from scfcap.deal.loan_assets import LoanAssets

    assets = run.assets
    if isinstance(assets, ActualAssets):
        assets = assets.projected
    return assets if isinstance(assets, LoanAssets) else None


def _elsewhere(
    model: Model, runs: Mapping[str, DealRun], held: Mapping[str, FloatArray]
) -> Elsewhere:
    """What all other deals hold at the start, and what those that have run have bought."""
    from scfcap.api.deals import Elsewhere

    share = np.zeros(len(model.pool()))
    for each in held.values():
        share = share + each
    taken: dict[str, frozenset[str]] = {}
    for run in runs.values():
        assets = _loans(run)
        for name in () if assets is None else assets.scenarios:
            assert assets is not None
            taken[name] = taken.get(name, frozenset()) | assets.taken(name)
    bought = [run.of("bought").T for run in runs.values()]
    longest = max((len(each) for each in bought), default=0)
    total = None
    for each in bought:
        padded = np.pad(each, ((0, longest - len(each)), (0, 0)))
        total = padded if total is None else total + padded
    return Elsewhere(share, taken, total)


def _refuse_unlike(model: Model, names: Sequence[str]) -> None:
    """Deals that take from the same offers buy in the same way, in the same periods."""
    deals = model.spec.deals
    ways = {name: deals[name].assets.purchases for name in names}
    if len(set(ways.values())) > 1:
        found = ", ".join(f'{name} "{way}"' for name, way in ways.items())
        raise InputError(
            Problem("deals: assets.purchases", found, "the same for deals that are run together")
        )
    stated = [name for name in names if deals[name].assets.supply is not None]
    usual = model.projection_grid.frequency
    periods = {name: deals[name].settlement.frequency or usual for name in names}
    if stated and len(set(periods.values())) > 1:
        found = ", ".join(f'{name} "{each}"' for name, each in periods.items())
        raise InputError(
            Problem(
                "deals: settlement.frequency",
                f"{found}, with assets.supply of {', '.join(stated)}",
                "the same for deals that share what is on offer",
            )
        )
    past = [name for name in names if deals[name].actuals]
    if stated and past:
        found = f"actuals of {', '.join(past)}, with assets.supply of {', '.join(stated)}"
        expected = "deals that begin on the same day"
        raise InputError(Problem("deals: actuals", found, expected))


def _refuse_twice(model: Model, held: Mapping[str, FloatArray]) -> None:
    """No loan is in two deals by more than the whole of it."""
    if not held:
        return
    shares = np.array(list(held.values()))
    total = shares.sum(axis=0)
    over = np.flatnonzero(total > 1.0 + _TOLERANCE)
    if not len(over):
        return
    names = [name for name, share in held.items() if (share[over] > 0.0).any()]
    pool = model.pool()
    loans = ", ".join(
        f"{pool.loan_id[n]} ({' + '.join(f'{share:.1%}' for share in shares[:, n] if share > 0)})"
        for n in over[:_NAMED]
    )
    more = f" and {len(over) - _NAMED:,} more" if len(over) > _NAMED else ""
    raise InputError(
        Problem(
            " and ".join(f"deals/{name}.toml: assets" for name in names),
            f"the same loans in {len(names)} deals: {loans}{more}",
            "at most the whole of each loan in all deals together",
            "Give each a channel or eligibility of its own, or sizes that fit into the pool.",
        )
    )
