"""Owns a local fake of Charles Schwab's trader API, for tests and demonstrations.

Never talks to the real broker and shares no code with the client it is tested with.
Comes from a seed or a tape and the client's requests, goes to HTTP answers, stream frames and a ledger.
"""
