"""What a node is called, and which roles it may have."""

from __future__ import annotations

import pytest

from ocpp_trio.central.node import Node, check_role
from ocpp_trio.errors import ConfigError
from tests.conftest import MakeSettings


def test_each_process_has_an_id_of_its_own_and_a_name_for_people() -> None:
    first, second = Node(), Node("harbour")
    assert first.id != second.id
    assert (bool(first.name), second.name) == (True, "harbour")
    assert second.member == (second.id, "harbour", "all", "", second.seal.public_key)


@pytest.mark.parametrize("role", ["api", "websocket"])
def test_half_a_server_needs_a_database_that_can_be_shared(
    make_settings: MakeSettings, role: str
) -> None:
    with pytest.raises(ConfigError, match=rf"OCPP_ROLE={role} needs PostgreSQL \(DB_TYPE=postgres"):
        check_role(make_settings(OCPP_ROLE=role))
    check_role(make_settings(OCPP_ROLE=role, DB_TYPE="postgres"))
    check_role(make_settings())
