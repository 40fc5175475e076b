"""What this machine lacks for scfcap, and a report of it for a bug ticket.

Nothing here needs a library to be imported: libraries are tried in a process of their own
(:mod:`scfcap.doctor.probes`), which one of them may bring down.
"""

from __future__ import annotations

from scfcap.doctor.examine import Examination, examine
from scfcap.doctor.findings import GREEN, RED, YELLOW, Finding
from scfcap.doctor.telling import table, ticket

__all__ = ["GREEN", "RED", "YELLOW", "Examination", "Finding", "examine", "table", "ticket"]
