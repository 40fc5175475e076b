"""What the checker says of an allocation: through its files, without a tape."""

from __future__ import annotations

from scfcap.funding.allocation.result import Allocation
from scfcap.report.proof import proof_of
from scfcap.verify.claim import Claim
from scfcap.verify.proof import checks
from scfcap.verify.read import Files, claim_of, limits_of
from scfcap.verify.report import Report


def claimed(found: Allocation) -> Claim:
    """The claim that an allocation's files make."""
    proof = proof_of(found)
    return claim_of(Files(limits_of(proof.limits_bytes()), proof.duals, proof.values, proof.lists))


def checked(found: Allocation) -> Report:
    """What the checker finds."""
    return Report(checks(claimed(found)), {})


def agreed(found: Allocation) -> Allocation:
    """``found``, whose files the checker has found true."""
    report = checked(found)
    assert report.holds, [check for check in report.checks if not check.holds]
    return found
