"""Pure nouns and decisions: no file, clock, lock, log line or network."""
