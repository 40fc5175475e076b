"""Who funds what: the linear program, its plan, its prices, its replay."""
