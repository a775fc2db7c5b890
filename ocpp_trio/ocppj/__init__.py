"""OCPP-J 1.6 without I/O: frames, actions, and the state of one connection. Never imports trio.

The only package that imports `ocpp` (schema files) and `jsonschema_rs` (validators).
"""
