"""Owns the simulated broker and market as plain calls.

Never opens a socket or a file, reads a clock or draws from shared randomness: time and seed are arguments.
Comes from requests with their time, goes to answers, frames and ledger events.
"""
