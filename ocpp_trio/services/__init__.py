"""Periodic work: one file per service, one tick function each, run by supervise.every."""
