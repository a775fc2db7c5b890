import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.central.identity import charge_point_id, is_charge_point_id


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/CP001", "CP001"),
        ("/CP001/", "CP001"),
        ("/ocpp/CP001", "CP001"),
        ("/any/prefix/CP001?token=x", "CP001"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/DE*A:1", "DE*A:1"),
        ("/DE%2AA%3A1", "DE*A:1"),
        ("http://host/CP001", "CP001"),
        ("/", None),
        ("", None),
        ("/..", None),
        ("/.", None),
        ("/a/..%2f..%2fetc%2fpasswd", None),
        ("/CP%00", None),
        ("/CP%0d%0aX", None),
        ("/%ff", None),
        ("/%fe", None),
        ("/CP%", None),
        ("/" + "x" * 49, None),
        ("/" + "x" * 48, "x" * 48),
        ("/caf%C3%A9", None),
    ],
)
def test_the_last_segment_names_the_charge_point(target: str, expected: str | None) -> None:
    assert charge_point_id(target) == expected


def test_a_prefix_must_be_the_whole_path_before_the_id() -> None:
    assert charge_point_id("/ocpp/CP001", "ocpp") == "CP001"
    assert charge_point_id("/ocpp/CP001", "/ocpp/") == "CP001"
    assert charge_point_id("/CP001", "ocpp") is None
    assert charge_point_id("/x/ocpp/CP001", "ocpp") is None


@given(st.text())
def test_any_target_gives_a_usable_id_or_none(target: str) -> None:
    found = charge_point_id(target)
    assert found is None or is_charge_point_id(found)
