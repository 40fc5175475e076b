"""Which loans may go where, and the frozen pool."""
