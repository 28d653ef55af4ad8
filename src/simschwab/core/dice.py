"""Owns how one seed becomes many independent streams of random numbers.

Never makes a secret: the same seed and name give the same numbers in every process.
Comes from the settings' seed, goes to the generator, the broker's latencies and the made-up ids.
"""

from random import Random


def dice(seed: int, *names: str) -> Random:
    """Give the random stream called `names` under `seed`, independent of how much others were used."""
    # Reproducibility is the purpose here; nothing is protected by these numbers.
    return Random(":".join((str(seed), *names)))  # noqa: S311
