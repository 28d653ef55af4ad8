"""The demonstration: simulator, grok, trader and dashboard as real processes on this machine."""
