"""Seeded schedules of alerts, faults, hand trades and restarts: leadline and simschwab joined in one process."""
