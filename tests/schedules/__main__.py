"""Run schedules: `make chaos N=1000`, or one of them with its log: `make chaos SEED=142`."""

import argparse
import os
import sys

from schedules.running import find, run, show_one
from schedules.sabotage import SABOTAGES


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--failures-max", type=int, default=10)
    parser.add_argument("--sabotage", choices=SABOTAGES)
    wanted = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set of texts must be the same in each process, or a seed would not say it all.
        os.execve(
            sys.executable, [sys.executable, "-m", "schedules", *sys.argv[1:]], os.environ | {"PYTHONHASHSEED": "0"}
        )
    if wanted.sabotage is not None:
        return find(wanted.sabotage, wanted.schedules, wanted.first)
    if wanted.seed is not None:
        return show_one(wanted.seed)
    return run(wanted.schedules, wanted.first, wanted.jobs, wanted.failures_max)


if __name__ == "__main__":
    sys.exit(main())
