"""Settings: defaults, bad values all at once, secrets never shown, and a complete manual."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from ocpp_trio import config
from ocpp_trio.config import load, variables
from ocpp_trio.errors import ConfigError
from ocpp_trio.settings import Settings

MANUAL = Path(__file__).parents[1] / "docs" / "configuration.md"
SECRET = "S3cret/#@:Pa55"  # as a person chooses it, with every character that breaks a URL
MASK = "********"

# The variables the system was first described with, and their defaults.
FIRST_VARIABLES = {
    "OCPP_HOST": "localhost",
    "OCPP_WEBSOCKET_PORT": "9000",
    "OCPP_API_PORT": "9001",
    "OCPP_SYSTEM_NAME": "ocpp-central",
    "OCPP_HEARTBEAT_INTERVAL": "60",
    "OCPP_USE_TLS": "false",
    "OCPP_CERT_FILE": "cert.pem",
    "OCPP_KEY_FILE": "key.pem",
    "DB_TYPE": "sqlite",
    "DB_SQLITE_PATH": "ocpp_server.db",
    "DB_HOST": "localhost",
    "DB_PORT": "5432",
    "DB_USER": "postgres",
    "DB_PASSWORD": "postgres",
    "DB_NAME": "ocpp_server",
    "DB_SSL_MODE": "disable",
}


def problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environment)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return list(caught.value.problems)


# Defaults


def test_defaults_are_the_documented_ones() -> None:
    shown = load({}).shown()
    assert {name: variables()[name][0] for name in FIRST_VARIABLES} == FIRST_VARIABLES
    unmasked = {name: value for name, value in FIRST_VARIABLES.items() if name != "DB_PASSWORD"}
    assert {name: shown[name] for name in unmasked} == unmasked
    assert load({}).db_password == "postgres"


def test_what_is_shown_without_any_variable_are_the_defaults() -> None:
    shown = load({}).shown()
    defaults = {name: default for name, (default, _) in variables().items()}
    del defaults["DATABASE_URL"]
    assert shown.keys() == defaults.keys()
    differing = {name for name in shown if shown[name] != defaults[name]}
    assert differing == {"DB_PASSWORD"}
    assert shown["DB_PASSWORD"] == MASK


def test_what_is_shown_can_be_read_again() -> None:
    shown = load({"OCPP_ALLOWED_HOSTS": "a, b", "OCPP_USE_TLS": "yes", "DB_PASSWORD": MASK}).shown()
    assert shown["OCPP_ALLOWED_HOSTS"] == "a,b"
    assert load(shown).shown() == shown


def test_settings_are_frozen() -> None:
    settings = load({})
    with pytest.raises(FrozenInstanceError):
        settings.host = "elsewhere"  # type: ignore[misc]


def test_every_variable_is_explained_and_named_once() -> None:
    names = [each.metadata["name"] for each in fields(Settings)]
    assert len(names) == len(set(names))
    for name, (_, about) in variables().items():
        assert re.fullmatch(r"(OCPP|DB)_[A-Z_]+|DATABASE_URL", name)
        assert about


# Values


@pytest.mark.parametrize(
    ("name", "raw", "field", "value"),
    [
        ("OCPP_USE_TLS", "TRUE", "use_tls", True),
        ("OCPP_USE_TLS", "1", "use_tls", True),
        ("OCPP_USE_TLS", "Off", "use_tls", False),
        ("DB_TYPE", "SQLite", "db_type", "sqlite"),
        ("DB_TYPE", "PostgreSQL", "db_type", "postgres"),
        ("OCPP_WEBSOCKET_PORT", "0", "websocket_port", 0),
        ("OCPP_API_PORT", "65535", "api_port", 65535),
        ("OCPP_COMMAND_TIMEOUT", "0.5", "command_timeout", 0.5),
        ("OCPP_HOST", "  0.0.0.0\n", "host", "0.0.0.0"),
        (
            "OCPP_ALLOWED_HOSTS",
            " a.example, ,b.example,",
            "allowed_hosts",
            ("a.example", "b.example"),
        ),
        ("OCPP_TIME_ZONE", "Europe/Berlin", "time_zone", "Europe/Berlin"),
        ("OCPP_TRUSTED_PROXIES", "::1, 10.0.0.1/8", "trusted_proxies", ("::1", "10.0.0.1/8")),
        ("DB_SSL_MODE", "Verify-Full", "db_ssl_mode", "verify-full"),
    ],
)
def test_value(name: str, raw: str, field: str, value: Any) -> None:
    assert getattr(load({name: raw}), field) == value


BAD = {
    "OCPP_WEBSOCKET_PORT": "65536",
    "OCPP_API_PORT": "-1",
    "DB_PORT": "http",
    "OCPP_USE_TLS": "maybe",
    "DB_TYPE": "oracle",
    "DB_SSL_MODE": "on",
    "OCPP_HEARTBEAT_INTERVAL": "0",
    "OCPP_MAX_PENDING": "1.5",
    "OCPP_TRUSTED_PROXIES": "10.0.0.0/8, proxy.example",
    "OCPP_PING_INTERVAL": "nan",
    "OCPP_PING_TIMEOUT": "inf",
    "OCPP_COMMAND_TIMEOUT": "soon",
    "OCPP_DB_BUSY_TIMEOUT": "61",
    "OCPP_TIME_ZONE": "Mars/Olympus",
    "OCPP_UNKNOWN_TAGS": "ask",
    "OCPP_MAX_MESSAGE_SIZE": "9" * 5000,
}


@pytest.mark.parametrize(("name", "raw"), BAD.items())
def test_a_bad_value_is_named(name: str, raw: str) -> None:
    (problem,) = problems(**{name: raw})
    assert problem.startswith(f"{name} must be ")
    assert problem.endswith(f", not {raw[:80]!r}")


def test_every_bad_value_is_reported_at_once() -> None:
    found = problems(**BAD, OCPP_HOST="localhost", DATABASE_URL="mysql://x")
    assert {problem.split(" ")[0] for problem in found} == {*BAD, "DATABASE_URL"}


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/localtime", "UTC\0", "."])
def test_a_time_zone_is_no_path(zone: str) -> None:
    (problem,) = problems(OCPP_TIME_ZONE=zone)
    assert problem.startswith("OCPP_TIME_ZONE must be a time zone such as Europe/Berlin")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_empty_counts_as_unset(empty: str) -> None:
    assert load(dict.fromkeys(variables(), empty)) == load({})


def test_other_variables_do_not_matter() -> None:
    assert load({"PATH": "/bin", "HOST": "x", "PORT": "80"}) == load({})


# Secrets


def test_secrets_are_masked() -> None:
    shown = load({"OCPP_API_KEY": SECRET, "DB_PASSWORD": SECRET}).shown()
    assert (shown["OCPP_API_KEY"], shown["DB_PASSWORD"]) == (MASK, MASK)
    assert SECRET not in str(shown)
    # That none is set is no secret.
    assert load({}).shown()["OCPP_API_KEY"] == ""


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host/db",
        "postgresql://user:Pa55/S3cret@host/db",
        "postgresql://user:Pa55#S3cret@host/db",
        "postgresql://user:Pa55?S3cret@host/db",
        "postgresql://user:Pa55[S3cret@host/db",
        "postgresql://user:Pa55\u2100S3cret@host/db",
        "postgresql://user:Pa55S3cret@host:99999/db",
        "postgresql://user:Pa55S3cret@host/db?password=S3cret",
        "mysql://user:Pa55S3cret@host/db",
        "Pa55S3cret",
    ],
)
def test_no_error_ever_shows_a_password(url: str) -> None:
    found = problems(DATABASE_URL=url)
    assert found[0].startswith("DATABASE_URL ")
    assert "S3cret" not in str(found)
    assert "Pa55" not in str(found)


# DATABASE_URL


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u%40v:p%2Fw@db.example:6432/n%20m?sslmode=verify-full",
            ("postgres", "db.example", 6432, "u@v", "p/w", "n m", "verify-full"),
        ),
        (
            "postgres://db.example",
            ("postgres", "db.example", 5432, "postgres", "postgres", "ocpp_server", "disable"),
        ),
        (
            "postgresql://u:p@/n?host=/cloudsql/My-Project:region:db&sslmode=prefer",
            ("postgres", "/cloudsql/My-Project:region:db", 5432, "u", "p", "n", "prefer"),
        ),
        (
            "postgresql://u@%2Fvar%2Frun%2FPG:6432/n",
            ("postgres", "/var/run/PG", 6432, "u", "postgres", "n", "disable"),
        ),
        (
            "postgresql://u@[::1]/n",
            ("postgres", "::1", 5432, "u", "postgres", "n", "disable"),
        ),
    ],
)
def test_a_postgresql_url(url: str, expected: tuple[Any, ...]) -> None:
    s = load({"DATABASE_URL": url})
    assert expected == (
        s.db_type,
        s.db_host,
        s.db_port,
        s.db_user,
        s.db_password,
        s.db_name,
        s.db_ssl_mode,
    )
    assert s.shown()["DB_PASSWORD"] == MASK


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:x.db", "x.db"),
        ("sqlite:data/x.db", "data/x.db"),
        ("sqlite:///var/lib/x%20y.db", "/var/lib/x y.db"),
        ("sqlite:", "ocpp_server.db"),
    ],
)
def test_a_sqlite_url(url: str, path: str) -> None:
    settings = load({"DATABASE_URL": url})
    assert (settings.db_type, settings.db_sqlite_path) == ("sqlite", path)


def test_a_url_stands_over_single_variables_of_its_kind() -> None:
    settings = load({"DATABASE_URL": "postgresql://h/n", "DB_HOST": "elsewhere", "DB_USER": "me"})
    assert (settings.db_host, settings.db_user) == ("h", "me")


@pytest.mark.parametrize("kind", ["postgres", "Postgres"])
def test_a_url_that_agrees_with_the_variables_is_fine(kind: str) -> None:
    single = {"DB_TYPE": kind, "DB_HOST": "h", "DB_PORT": "6432", "DB_NAME": "n"}
    settings = load({"DATABASE_URL": "postgresql://h:6432/n", **single})
    assert (settings.db_type, settings.db_host, settings.db_port) == ("postgres", "h", 6432)


def test_a_url_that_contradicts_the_variables_is_refused() -> None:
    assert problems(DATABASE_URL="postgresql://h/n", DB_TYPE="sqlite") == [
        "DATABASE_URL and DB_TYPE disagree; set one of them only"
    ]
    url = "postgresql://u:one@h/n"
    (problem,) = problems(DATABASE_URL=url, DB_TYPE="postgres", DB_HOST="other", DB_PASSWORD="two")
    assert problem == "DATABASE_URL and DB_HOST, DB_PASSWORD disagree; set one of them only"


def test_a_parameter_that_would_be_lost_is_refused() -> None:
    assert problems(DATABASE_URL="postgresql://h/n?sslmode=require&options=x") == [
        "DATABASE_URL may have no other parameters than host and sslmode"
    ]
    (problem,) = problems(DATABASE_URL="postgresql://h/n?sslmode=perhaps")
    assert problem.startswith("DB_SSL_MODE must be one of")


# The environment and .env


def test_the_environment_stands_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("OCPP_API_PORT=1\nOCPP_WEBSOCKET_PORT=2\n# OCPP_HOST=x\nDB_NAME='a b'\nBARE\n")
    monkeypatch.setenv("OCPP_API_PORT", "3")
    settings = config.from_environment(file)
    assert (settings.api_port, settings.websocket_port) == (3, 2)
    assert (settings.host, settings.db_name) == ("localhost", "a b")


def test_an_empty_variable_does_not_hide_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OCPP_API_PORT=1\n")
    monkeypatch.setenv("OCPP_API_PORT", "")
    monkeypatch.chdir(tmp_path)
    assert config.from_environment().api_port == 1


def test_without_a_file_the_environment_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCPP_SYSTEM_NAME", "mine")
    assert config.from_environment().system_name == "mine"


# Who can reach the server


@pytest.mark.parametrize(
    ("host", "on_loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback(host: str, on_loopback: bool) -> None:
    settings = load({"OCPP_HOST": host})
    assert settings.on_loopback is on_loopback
    assert settings.unknown_policy == ("accept" if on_loopback else "pending")
    for policy in ("accept", "pending", "reject"):
        chosen = load({"OCPP_HOST": host, "OCPP_UNKNOWN_CHARGE_POINTS": policy})
        assert chosen.unknown_policy == policy


# The manual


def manual_rows() -> dict[str, tuple[str, str, str]]:
    """Variable -> default, unit and meaning, of every table of the manual with those columns."""
    rows: dict[str, tuple[str, str, str]] = {}
    in_table = False
    for line in MANUAL.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if cells == ["Variable", "Default", "Unit", "Meaning"]:
            in_table = True
        elif not cells:
            in_table = False
        elif in_table and not set(line) <= set("|-"):
            name, default, unit, meaning = cells
            assert name not in rows, name
            rows[name.strip("`")] = (default, unit, meaning)
    return rows


def test_the_manual_has_every_variable_and_no_other() -> None:
    assert manual_rows().keys() == variables().keys()


@pytest.mark.parametrize("name", variables())
def test_the_manual_has_the_default_unit_and_meaning(name: str) -> None:
    default, unit, meaning = manual_rows()[name]
    expected = variables()[name][0]
    assert default == (f"`{expected}`" if expected else "empty")
    assert unit
    assert meaning.endswith(".")


def test_the_manual_mentions_no_variable_that_does_not_exist() -> None:
    mentioned = set(re.findall(r"\b(?:OCPP|DB)_[A-Z_]*[A-Z]\b", MANUAL.read_text("utf-8")))
    assert mentioned <= variables().keys()


@pytest.mark.parametrize("name", variables())
def test_the_bounds_in_the_manual_are_those_in_force(name: str) -> None:
    unit = manual_rows()[name][1]
    bounds = re.search(r"([\d.]+) to ([\d.]+)$", unit)
    if bounds is None:
        return
    for bound, beyond in ((bounds[1], -1), (bounds[2], 1)):
        load({name: bound})
        (problem,) = problems(**{name: f"{float(bound) + beyond:.0f}"})
        assert problem.startswith(name)


def test_the_words_in_the_manual_are_those_in_force() -> None:
    for name, (_, unit, _) in manual_rows().items():
        choices = re.findall(r"`([^`]+)`", unit)
        for choice in choices:
            load({name: choice})
        if choices:
            (problem,) = problems(**{name: "surely-not-this"})
            assert f"must be one of {', '.join(choices)}," in problem
