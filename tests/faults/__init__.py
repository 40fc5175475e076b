"""Trials of commands that are killed and hindered; of the suite, and of `make faults`."""
