"""Runs the command line as `python -m leadline`."""

from leadline.cli import main

main()
