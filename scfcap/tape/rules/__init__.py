"""Rules of data quality: one function each, gathered in :mod:`scfcap.tape.rules.catalogue`."""
