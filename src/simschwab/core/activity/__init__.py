"""Owns the bodies of ACCT_ACTIVITY: an order's life as Schwab's order system tells it.

Never tells more than was recorded: keys, their order and .NET decimals follow a real recording of 2025-12.
Comes from the broker's orders, goes to the streamer as (type, JSON text).
"""
