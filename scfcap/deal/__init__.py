"""What a vehicle pays: the waterfall of a revolving securitization."""
