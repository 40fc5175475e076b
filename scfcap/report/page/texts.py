"""What the page's script says: English, turned into the reader's language with the page.

``[...]`` are places that the script fills.
"""

from __future__ import annotations

TEXTS = {
    "figures": "Figures",
    "search": "Search this table",
    "all": "all",
    "clear": "Clear",
    "count": "[shown] of [rows] rows",
    "count_all": "[rows] rows",
    "cut": "The first [held] of [rows] rows; all are in [code] of the run folder.",
    "printed": "Printed: the first [held] of [rows] rows.",
    "sort": "Sort by [name]",
    "none": "No row fits. Clear the search and the filters.",
    "from": "From",
    "to": "To",
    "amount": "Amount",
    "share": "Share",
    "total": "Total",
    "found": "[shown] of [rows] tables",
}
