"""Run the benches: `make bench`, or one of them by name: `python -m bench intents`."""

import sys
from collections.abc import Callable

from bench import intents, tape

BENCHES: dict[str, Callable[[], str]] = {"intents": intents.run, "tape": tape.run}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHES:
        print(f"## {name}\n")
        print(BENCHES[name](), flush=True)
