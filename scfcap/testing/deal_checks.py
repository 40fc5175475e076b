"""What must hold of a run of a deal, whatever the deal: each check raises AssertionError.

The checks read what a run recorded and share no step of the engine that paid. Messages name the
deal, the scenario, the period, the account, class or step, and the amount.
"""

from __future__ import annotations

import numpy as np

from scfcap.deal import ledger
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.outcome import DealRun
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray
from scfcap.schema.deal import DealSpec

#: What of an amount the rounding of floats may leave, as a share of what moved.
TOLERANCE = 4.0 * ENGINE_TOLERANCE


def assert_deal_holds(run: DealRun) -> None:
    """All that this module checks of ``run``; of a traced one each step as well."""
    assert_deal_conserves(run)
    assert_nothing_negative(run)
    assert_paid_as_owed(run)
    assert_deal_pool_rolls(run)
    assert_phases_in_order(run)
    if run.trace is not None:
        from scfcap.testing.step_checks import assert_steps_audited

        assert_steps_audited(run)
    if isinstance(run.assets, LoanAssets):
        assert_loans_add_up(run)


def refuse(
    run: DealRun, what: str, wrong: BoolArray, amount: FloatArray, whom: str = "", period: int = 1
) -> None:
    """Raise AssertionError for the first of ``wrong`` [K, T], with its ``amount`` [K, T].

    ``whom`` is the account, class or step; ``period`` the number of the first column.
    """
    if not wrong.any():
        return
    k, t = (int(index[0]) for index in np.nonzero(wrong))
    where = f"deal {run.deal.name}, scenario {run.scenarios[k]}, period {t + period}"
    msg = f"{where}{', ' * bool(whom)}{whom}: {what}: {amount[k, t]:.9g}"
    raise AssertionError(msg)


def turnover(run: DealRun) -> FloatArray:
    """Cash at the start and all that comes in, by scenario and period [K, T], at least 1."""
    held = before(run.start.sum(axis=0), run.cash.sum(axis=1).T)
    came = sum(run.of(name) for name in ledger.SOURCES)
    return np.asarray(np.maximum(held + came, 1.0))


def before(start: FloatArray, closing: FloatArray) -> FloatArray:
    """What stood at the start of each period [K, T], from ``start`` [K] and ``closing`` [K, T]."""
    return np.concatenate([start[:, None], closing[:, :-1]], axis=1)


def assert_deal_conserves(run: DealRun) -> None:
    """At closing and in each period what came in, and was there, is what went out and is there.

    The run is added up by :mod:`scfcap.deal.ledger`; then each period by class and account.
    """
    frame = ledger.ledger_frame(run)
    shape = (len(run.scenarios), len(run.deal.years))
    gap = np.abs(frame["gap"].to_numpy(dtype=np.float64)).reshape(shape)
    refuse(run, "sources and uses differ by", ~(gap <= TOLERANCE * turnover(run)), gap)
    for tie in ledger.ties(run):
        if not tie.holds:
            msg = f"deal {run.deal.name}, {tie.where}: {tie.name}: a gap of {tie.gap:.9g}"
            raise AssertionError(msg)


def assert_nothing_negative(run: DealRun) -> None:
    """No account, balance, debt or payment is below zero, and none is infinite or no number."""
    for name in run.deal.accounts:
        held = run.cash[:, run.deal.accounts.index(name)].T
        refuse(run, "cash below zero, or no number", ~((held >= 0.0) & (held < np.inf)), held, name)
    parts = {f"class {name}": run.tranche[:, :, j] for j, name in enumerate(run.deal.tranches)}
    parts |= {f"fee {name}": np.stack([run.fee_paid[:, f], run.fee_owed[:, f]])
              for f, name in enumerate(run.deal.spec.fees)}  # fmt: skip
    parts |= {
        f"line {name}": run.drawn[None, :, row] for row, name in enumerate(run.deal.spec.lines)
    }
    for whom, values in parts.items():
        worst = values.min(axis=0).T
        good = np.isfinite(values).all(axis=0).T & (worst >= 0.0)
        refuse(run, "an amount below zero, or no number", ~good, worst, whom)
    for name in set(ledger.SOURCES) | {"purchases", "hedge_paid", "line_paid", "pool"}:
        values = run.of(name)
        good = np.isfinite(values) & (values >= -1e-9 * turnover(run))
        refuse(run, "below zero, or no number", ~good, values, name)


def assert_paid_as_owed(run: DealRun) -> None:
    """No class has more principal than it stands at, nor more interest than it is owed; what is
    written up was written off; what is owed and not paid stays owed.
    """
    balance = run.of("balance")
    for j, name in enumerate(run.deal.tranches):
        was = before(run.opening[j], balance[:, j])
        small = 2.0 * ENGINE_TOLERANCE * np.maximum(was, 1.0)
        principal, accreted = run.of("principal", name), run.of("accreted", name)
        most = was + accreted + run.of("written_up", name)
        over = principal + run.of("written_off", name) - most
        refuse(run, "more principal and losses than it stands at, by", over > small, over, name)
        interest, due = run.of("interest_paid", name), run.of("interest_due", name)
        owed = run.of("owed", name)
        pays = np.broadcast_to(run.deal.calendar.pays, interest.shape)
        over = interest - np.where(due > 0.0, due, before(owed[:, 0] + interest[:, 0], owed))
        size = 2.0 * ENGINE_TOLERANCE * np.maximum(interest, 1.0)
        refuse(run, "more interest than is owed, by", over > size, over, name)
        left = np.abs(due - interest - owed)
        at_due = pays & (due > 0.0)
        refuse(run, "interest due less paid is not what stays owed, by",
               at_due & (left > TOLERANCE * np.maximum(due, 1.0)), left, name)  # fmt: skip
        lost = run.of("written_off", name) - run.of("written_up", name)
        stands = run.deal.spec.opening
        old = 0.0 if stands is None else stands.written_off.get(name, 0.0)
        lost = old + np.cumsum(lost, axis=1)
        size = TOLERANCE * np.maximum(run.original[j][:, None], 1.0)
        refuse(run, "written up more than was written off, by", lost < -size, -lost, name)


def assert_deal_pool_rolls(run: DealRun) -> None:
    """Each period's pool is the one before, less principal, defaults and sales, plus purchases."""
    pool = run.of("pool")
    moved = before(run.pool_start, pool) - run.of("principal_collected") - run.of("default")
    moved = moved - run.of("sold") + run.of("bought") + run.of("exchanged")
    gap = np.abs(moved - pool)
    bought = np.cumsum(run.of("bought"), axis=1)
    size = np.maximum(run.pool_start[:, None] + bought, 1.0)
    refuse(run, "the pool does not roll forward, by", gap > TOLERANCE * size, gap)


def assert_phases_in_order(run: DealRun) -> None:
    """A phase that stays is never left for one before it; triggers without a cure stay in force;
    a call is made once, and nothing is lent or collected of loans that were sold.
    """
    spec, phase = run.deal.spec, run.phase.T
    stays = np.array([each.stays for each in spec.phases])
    reached = np.maximum.accumulate(np.where(stays[phase], phase, 0), axis=1)
    refuse(run, "a phase was left that stays", phase < reached, phase.astype(np.float64))
    for x, (name, trigger) in enumerate(spec.triggers.items()):
        on = run.tripped[:, x].T.astype(np.int64)
        gone = np.diff(on, axis=1, prepend=0) < 0
        if trigger.cure is None:
            refuse(run, "a trigger without a cure ended", gone, on.astype(np.float64), name)
    periods = np.arange(1, phase.shape[1] + 1)
    called = (run.called > 0)[:, None] & (periods >= run.called[:, None])
    bought = np.cumsum(np.where(called, run.of("bought"), 0.0), axis=1)  # steps may buy anew
    income = run.of("interest") + run.of("principal_collected")
    after = called & (periods > run.called[:, None]) & (bought == 0.0)
    refuse(run, "loans that were sold still pay", after & (income > 1e-6), income)


def assert_loans_add_up(run: DealRun) -> None:
    """Of each whole loan what it cost and earned is what it paid, is worth and has lost."""
    for k, name in enumerate(run.scenarios):
        frame = run.loans_frame([name])
        if frame.empty:
            continue
        came = frame["price"] + frame["income"]
        went = sum(frame[x] for x in ("received", "balance", "receivable", "loss", "sold"))
        gap = (came - went).abs().to_numpy(dtype=np.float64)
        size = np.maximum(frame["price"].to_numpy(dtype=np.float64), 1.0)
        if (gap > TOLERANCE * 100.0 * size).any():
            row = int(np.argmax(gap / size))
            msg = (
                f"deal {run.deal.name}, scenario {run.scenarios[k]}, loan "
                f"{frame['loan_id'].iloc[row]}: what it cost and earned is not what it paid, is "
                f"worth and has lost, by {gap[row]:.9g}"
            )
            raise AssertionError(msg)


def audit_words(spec: DealSpec) -> tuple[str, ...]:
    """Words that :func:`~scfcap.testing.step_checks.assert_steps_audited` asks a run to watch."""
    accounts = dict.fromkeys(["collection", *spec.accounts])
    words = [f"account.{name}" for name in accounts]
    words += [f"{word}.{name}" for name in spec.tranches
              for word in ("balance", "owed", "written_off")]  # fmt: skip
    words += [f"fee.{name}" for name in spec.fees] + [f"hedge.{name}" for name in spec.hedges]
    words += [f"{word}.{name}" for name in spec.lines for word in ("drawn", "owed", "undrawn")]
    return tuple(words)
