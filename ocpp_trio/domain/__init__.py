"""Pure rules and records of charging: standard library only, no I/O, no clock of its own."""
