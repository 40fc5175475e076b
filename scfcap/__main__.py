"""Where the program is entered: ``scfcap``, or ``python -m scfcap``."""

from __future__ import annotations

import os
import sys

#: As in :mod:`scfcap.cli.interrupt`, which must not be imported before Ctrl-C is handled.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 from the first import on."""
    try:
        try:
            from scfcap.cli.main import main as run
        except ImportError as lacking:
            from scfcap.cli.bare import main as bare

            sys.exit(bare(lacking))
        run()
    except KeyboardInterrupt:
        _leave()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _leave()
        raise


def _leave() -> None:
    """End at once: an interrupt that Python still remembers would end us by signal instead."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
