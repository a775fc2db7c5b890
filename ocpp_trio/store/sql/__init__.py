"""The statements of the store, one .sql file per noun; see ocpp_trio.store.queries."""
