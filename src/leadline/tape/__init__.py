"""Recorded frames: how they are kept and how they are played again."""
