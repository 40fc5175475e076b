"""What a stranger might hand over, made by the thousand from small files that are sound.

``mutate`` spoils bytes, tokens and structure, ``grammar`` makes expressions, ``cases`` holds what a
reader of files is to the campaign, ``meter`` runs one case within bounds; the readers themselves
are in ``texts`` (model files and what stands beside them), ``tables`` (tapes, histories, lists),
``folders`` (what a run or a ledger has left) and ``commands`` (the program as a whole).
"""
