"""The Dockerfile's HEALTHCHECK: exits with 0 if the server in this container is alive."""

from __future__ import annotations

import http.client
import ssl
import sys

from ocpp_trio.config import Settings, from_environment

ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


def is_alive(settings: Settings) -> bool:
    """Whether /healthz answers 200. The certificate is not checked: it names the public host."""
    host = "localhost" if settings.host in ANY_ADDRESS else settings.host
    connection = http.client.HTTPConnection(host, settings.api_port, timeout=4)
    if settings.api_tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            host, settings.api_port, timeout=4, context=context
        )
    # With OCPP_ALLOWED_HOSTS the API answers to those names only.
    headers = {"Host": settings.allowed_hosts[0]} if settings.allowed_hosts else {}
    try:
        connection.request("GET", "/healthz", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(from_environment()) else 1)
