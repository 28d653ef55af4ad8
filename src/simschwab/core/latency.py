"""Owns how long an order or a cancel is on its way.

Never draws less than the low bound.
Comes from the settings' shape and bounds and the broker's stream of random numbers, goes to the broker.
"""

from math import exp, log
from random import Random

from simschwab.core.choices import Shape
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_MS

_MEAN_SHARE = 1 / log(20)  # so that 19 of 20 exponential draws are within the bounds
_MEDIAN_SHARE = 0.25
_SIGMA = log(1 / _MEDIAN_SHARE) / 1.645  # likewise for the lognormal: 1.645 is the normal's 95 per cent


class Latency:
    """Draw latencies in nanoseconds."""

    def __init__(self, settings: Settings, rng: Random) -> None:
        self._rng = rng
        self._shape = settings.order_latency_shape
        self._low_ns = settings.order_latency_low_ms * NS_PER_MS
        self._span_ns = max(0, settings.order_latency_high_ms * NS_PER_MS - self._low_ns)

    def draw_ns(self) -> int:
        """Draw one."""
        span_ns = self._span_ns
        match self._shape:
            case Shape.UNIFORM:
                return self._rng.randint(self._low_ns, self._low_ns + span_ns)
            case Shape.EXPONENTIAL:
                return self._low_ns + int(span_ns * _MEAN_SHARE * self._rng.expovariate(1.0))
            case Shape.LOGNORMAL:
                return self._low_ns + int(span_ns * _MEDIAN_SHARE * exp(_SIGMA * self._rng.gauss(0.0, 1.0)))
