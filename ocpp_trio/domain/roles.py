"""What a caller may do: three roles, each of which may do what those before it may."""

from __future__ import annotations

READ = "read"
OPERATE = "operate"
ADMIN = "admin"
RANKS = {READ: 1, OPERATE: 2, ADMIN: 3}
"""Look; act; decide who may connect and who may call."""
