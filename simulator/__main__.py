"""``python -m simulator`` is ``sfsim``."""

from simulator.cli.entry import main

if __name__ == "__main__":
    main()
