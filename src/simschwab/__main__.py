"""Owns the start of `python -m simschwab`.

Never holds anything but the call.
Comes from the interpreter, goes to the command line.
"""

from simschwab.cli import main

main()
