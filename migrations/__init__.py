"""Numbered schema steps as SQL text; ocpp_trio.store.migrate runs them."""
