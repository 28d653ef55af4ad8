"""Owns faults on command: what can go wrong, where, when, how often, and how it is read from a scenario.

Never lets chance in that the seed does not decide, and never touches a socket: what only a socket can do is an
instruction on the answer or the frame.
Comes from scenario files and POST /sim/faults, goes to requests, commands, frames, orders and the clock's moments.
"""
