"""``python -m simulator`` is ``sfsim``."""

from simulator.cli import main

if __name__ == "__main__":
    main()
