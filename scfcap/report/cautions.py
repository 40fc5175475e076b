"""What a reader of a plan must know that no figure of it shows."""

from __future__ import annotations

import pandas as pd

from scfcap.pool.stated_terms import TAPE_COLUMNS
from scfcap.schema.model import Model


def cautions(spec: Model, frame: pd.DataFrame) -> list[str]:
    """Where new loans are planned otherwise than the loans of the tape ``frame`` are projected.

    One sentence a segment whose new loans are like the tape's, where its columns say how they pay
    and no contract of the model does.
    """
    gone = frame["status"].isin(["repaid", "charged_off"])
    found = []
    for name, wish in spec.demand.items():
        if wish.new_loans != "tape" or name in spec.contract:
            continue
        mine = frame[(frame["segment"] == name) & ~gone]
        said = [column for column in TAPE_COLUMNS if column in mine and mine[column].notna().any()]
        if said:
            found.append(
                f"CAUTION: new loans of {name} take type, term and rate from the tape and pay by "
                f"periods, without its {', '.join(said)}; state [contract.{name}]."
            )
    return found


def over_limits(spec: Model) -> list[str]:
    """Where more is owed at the start than a line, or the P2P limit, allows. One sentence each."""
    owed = [
        (f"the line of {x.name}", sum(draw.amount for draw in x.draws), x.limit, "draws")
        for x in spec.lenders
    ]
    if (p2p := spec.p2p) is not None:
        notes = p2p.outstanding + sum(note.amount for note in p2p.notes)
        owed.append(("the P2P limit", notes, p2p.limit, "notes"))
    return [
        f"At the start more than {name} is used"
        + (f", {used / limit:.0%} of it" if limit > 0.0 else "")
        + f": nothing new fits until older {what} have run off."
        for name, used, limit, what in owed
        if used > limit
    ]
