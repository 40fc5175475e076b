"""Random waterfalls: every action, every limit, in orders from the usual to the odd."""

from __future__ import annotations

from typing import Any

from scfcap.testing.deal_parts import Terms, a_test
from scfcap.testing.dice import Dice

#: Steps of a waterfall, in their order.
Steps = list[dict[str, Any]]


def add_waterfall(dice: Dice, terms: Terms) -> None:
    """Steps for each phase, and where periods end without a payment date, for those at times."""
    terms["waterfall"] = {phase["name"]: _steps(dice, terms, phase["name"])
                          for phase in terms["phases"]}  # fmt: skip
    every = terms["settlement"]["payment_every"]
    if every != 1 and dice.chance(0.7):
        cash = _incomes(terms)
        steps: dict[str, Steps] = {}
        for phase in terms["phases"]:
            made: Steps = []
            if phase["name"] == "revolving" or dice.chance(0.2):
                made.append({"pay": "purchase", "from": _principal(terms),
                             **_limits(dice, terms, 0.5)})  # fmt: skip
            if terms["fees"] and dice.chance(0.5):
                made.append({"pay": "fee", "to": [*terms["fees"]], "from": cash})
            if made:
                steps[phase["name"]] = made
        if steps:
            terms["settlement"]["steps"] = steps


def _incomes(terms: Terms) -> list[str]:
    return ["income", "collection"] if "income" in terms["accounts"] else ["collection"]


def _principal(terms: Terms) -> list[str]:
    return ["collection", *(["warehouse"] if "warehouse" in terms["lines"] else [])]


def _support(dice: Dice, terms: Terms) -> list[str]:
    """Income, then at times the reserve, the line and principal."""
    more = ["reserve"] if "reserve" in terms["accounts"] else []
    more += ["liquidity"] if "liquidity" in terms["lines"] else []
    more += ["collection"] if "income" in terms["accounts"] else []
    first = _incomes(terms)[:1]
    return [*first, *dice.some(more, 0.6)]


def _limits(dice: Dice, terms: Terms, share: float) -> dict[str, Any]:
    """In ``share`` of the throws a limit or a condition."""
    found: dict[str, Any] = {}
    if not dice.chance(share):
        return found
    how = dice.one_of(("share", "amount", "up_to", "keep", "when"))
    if how == "share":
        found["share"] = dice.real(0.05, 1.0)
    elif how == "amount":
        found["amount"] = dice.edge(0.5, 60.0, 0.01)
    elif how == "up_to":
        words = ["collected_principal", "0.05 * notes", "losses", "pool - notes", "owed.N1"]
        words += [f"owed.{name}" for name in terms["lines"]]
        words += ["target.reserve - account.reserve"] if "reserve" in terms["accounts"] else []
        found["up_to"] = dice.one_of(words)
    elif how == "keep":
        found["keep"] = dice.one_of((5.0, "0.01 * notes", "0.02 * pool"))
    else:
        found["when"] = a_test(dice, terms)
    return found


def _debts(dice: Dice, terms: Terms) -> Steps:
    """Fees, hedges and lines, each with its sources."""
    steps: Steps = []
    fees = [*terms["fees"]]
    if fees and dice.chance(0.5):
        steps.append({"pay": "fee", "to": fees, "from": _support(dice, terms), **_split(dice)})
    else:
        steps += [{"pay": "fee", "to": name, "from": _support(dice, terms)} for name in fees]
    for name, hedge in terms["hedges"].items():
        if hedge.get("kind", "swap") == "swap":
            steps.append({"pay": "hedge", "to": name, "from": _support(dice, terms)})
    for name in terms["lines"]:
        sources = [each for each in _support(dice, terms) if each not in terms["lines"]]
        if name == "warehouse":
            sources = [*dict.fromkeys((*sources, "collection"))]
        steps.append({"pay": "line", "to": name, "from": sources, **_limits(dice, terms, 0.2)})
    return steps


def _split(dice: Dice) -> dict[str, Any]:
    return {"split": dice.one_of(("in order", "pro rata"))} if dice.chance(0.6) else {}


def _bearing(terms: Terms) -> list[str]:
    kinds = {name: each["kind"] for name, each in terms["tranches"].items()}
    return [name for name, kind in kinds.items() if kind not in ("zero", "equity")]


def _repaid(terms: Terms) -> list[str]:
    kinds = {name: each["kind"] for name, each in terms["tranches"].items()}
    return [name for name, kind in kinds.items() if kind not in ("interest_only", "equity")]


def _interest(dice: Dice, terms: Terms) -> Steps:
    names = _bearing(terms)
    if dice.chance(0.5):
        return [{"pay": "interest", "to": names, "from": _support(dice, terms), **_split(dice)}]
    return [{"pay": "interest", "to": name, "from": _support(dice, terms)} for name in names]


def _principals(dice: Dice, terms: Terms, phase: str) -> Steps:
    """Pro rata, one after the other, by schedule, turbo from income, or with a target."""
    names = _repaid(terms)
    sources = ["collection", *(["income"] if "income" in terms["accounts"] else [])]
    by = {"by": "schedule"} if dice.chance(0.2) else {}
    if phase == "revolving":
        if dice.chance(0.6):
            return []
        return [{"pay": "principal", "to": names, "split": "in order", "when": a_test(dice, terms)}]
    if dice.chance(0.5):
        step = {"pay": "principal", "to": names, "from": sources[: dice.whole(1, 2)]}
        return [step | by | _split(dice) | _limits(dice, terms, 0.3)]
    return [
        {"pay": "principal", "to": name, "from": sources[: dice.whole(1, 2)]}
        | by
        | _limits(dice, terms, 0.2)
        for name in names
    ]


def _moves(dice: Dice, terms: Terms) -> Steps:
    """Accounts filled and emptied; loans bought."""
    steps: Steps = []
    first = _incomes(terms)[0]
    accounts = [name for name in ("reserve", "spare") if name in terms["accounts"]]
    if "reserve" in accounts:
        steps.append({"pay": "account", "to": "reserve", "from": first,
                      **_limits(dice, terms, 0.2)})  # fmt: skip
        if dice.chance(0.4):
            steps.append({"pay": "transfer", "to": first, "from": "reserve",
                          "keep": "target.reserve", "name": "excess"})  # fmt: skip
    if "spare" in accounts:
        steps.append({"pay": "transfer", "to": "spare", "from": first, "name": "aside",
                      "share": dice.edge(0.1, 0.9, 0.99)})  # fmt: skip
        steps.append({"pay": "transfer", "to": "collection", "from": "spare",
                      "keep": dice.one_of((0.0, 10.0)), "when": a_test(dice, terms)})  # fmt: skip
    if "income" in terms["accounts"] and dice.chance(0.3):
        steps.append({"pay": "transfer", "to": "collection", "from": "income", "name": "cure",
                      "up_to": dice.one_of(("losses", "written_off.N1", "defaults"))})  # fmt: skip
    return steps


def _losses(dice: Dice, terms: Terms) -> Steps:
    """Losses written off from the lowest class, and at times written up again."""
    steps: Steps = []
    names = _repaid(terms)[::-1]
    names = [*(["E"] if "E" in terms["tranches"] and dice.chance(0.4) else []), *names]
    if dice.chance(0.6):
        step: dict[str, Any] = {"pay": "write_off", "to": names, **_split(dice)}
        if dice.chance(0.3):
            step["up_to"] = dice.one_of(("losses", "0.02 * notes"))
        steps.append(step)
        if dice.chance(0.5):
            what = dice.one_of(("2", "collected_recovery", "0.3 * written_off.N1"))
            steps.append({"pay": "write_up", "to": names[::-1], "up_to": what, **_split(dice)})
    return steps


def _residual(dice: Dice, terms: Terms) -> Steps:
    """What is left goes to the equity, or out: of income while notes stand, of all after them."""
    whom = {"to": "E"} if "E" in terms["tranches"] else {}
    everything = ["collection", *terms["accounts"]]
    steps: Steps = []
    if dice.chance(0.5):
        leak: dict[str, Any] = {"pay": "residual", "from": _incomes(terms)[0], "name": "leak"}
        steps.append(leak | whom | {"share": dice.real(0.2, 0.95)} | _limits(dice, terms, 0.5))
    last: dict[str, Any] = {"pay": "residual", "from": everything, "name": "rest"}
    steps.append(last | whom | {"when": dice.one_of(("notes <= 0", "final", "called or final"))})
    return steps


def _steps(dice: Dice, terms: Terms, phase: str) -> Steps:
    """The steps of a phase: in the usual order, or in a tenth of the throws shuffled."""
    steps = [
        *_debts(dice, terms),
        *_interest(dice, terms),
        *_moves(dice, terms),
        *_principals(dice, terms, phase),
    ]
    if phase == "revolving" or dice.chance(0.15):
        buys = {"pay": "purchase", "from": _principal(terms), **_limits(dice, terms, 0.4)}
        steps.append(buys)
    if dice.chance(0.1):
        steps = [steps[k] for k in dice.numbers().permutation(len(steps))]
    steps = [*steps, *_losses(dice, terms), *_residual(dice, terms)]
    return _named(steps)


def _named(steps: Steps) -> Steps:
    """Lists of one as names, as files have them."""
    return [
        {k: v[0] if k in ("to", "from") and isinstance(v, list) and len(v) == 1 else v
         for k, v in step.items()}
        for step in steps
    ]  # fmt: skip
