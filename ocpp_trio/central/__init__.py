"""What happens while a charge point is connected.

listener accepts and admits, session reads and answers, handlers/ know each action, commands and
carrier bring what the API asks for, hub knows who is here, keepalive finds dead links, presence
notes who was seen.
"""
