"""One SQLite file in WAL mode beside the hot path, and the intent journal on it."""
