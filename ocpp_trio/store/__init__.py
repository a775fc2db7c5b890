"""Hand-written SQL behind units of work.

A unit is a plain function `unit(tx, ...)`: one question or one change. `Database.write` runs units
in group commits and returns when theirs is durable; `Database.read` runs one on a snapshot. One
module per noun, its statements beside it in sql/.
"""
