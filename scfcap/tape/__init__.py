"""Loan tapes: reading, mapping, checking."""
