"""``python -m scfcap``."""

from scfcap.cli.main import main

if __name__ == "__main__":
    main()
