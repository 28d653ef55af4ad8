"""Everything that speaks to Charles Schwab: wire formats, streamer, login, REST, orders."""
