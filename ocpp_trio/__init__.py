"""ocpp_trio: an OCPP 1.6J central system on Trio."""

__version__ = "0.1.0"
