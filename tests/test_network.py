import socket

import pytest

from ocpp_trio import network
from ocpp_trio.errors import ConfigError


def test_all_addresses_of_a_name_get_the_same_port() -> None:
    sockets = network.bind("localhost", 0, "OCPP_API_PORT")
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        assert network.port_of(sockets) > 0
    finally:
        network.close(sockets)


def test_a_port_in_use_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"OCPP_API_PORT: cannot listen .* port {port}"):
            network.bind("127.0.0.1", port, "OCPP_API_PORT")


def test_a_host_that_is_not_ours() -> None:
    with pytest.raises(ConfigError, match="OCPP_HOST"):
        network.bind("no-such-host.invalid", 0, "OCPP_API_PORT")


def test_the_file_limit_is_raised_as_far_as_allowed() -> None:
    assert network.raise_file_limit() == network.raise_file_limit() > 0
