"""An allocation checked by itself: from its tape, limits, lists and prices, not from its solver."""
