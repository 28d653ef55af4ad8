"""leadline: streams Level II books from Charles Schwab, alerts on venue imbalance, trades in the same process."""

__version__ = "0.1.0"
