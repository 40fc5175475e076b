"""How loans behave: curves, stated or estimated."""
