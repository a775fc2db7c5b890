"""The verbs of the command line, but serve and simulate, which acceptance tests run for real."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ocpp_trio import __version__, config
from ocpp_trio.app import Started
from ocpp_trio.cli import main
from ocpp_trio.cli.serve import first_lines
from ocpp_trio.store.sqlite import SqliteLock


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_help_names_every_verb_and_what_it_does() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for verb in ("serve", "migrate", "config", "simulate", "tags", "ca", "backup", "verify"):
        assert f"  {verb} " in result.output
        assert "--help" in run(verb, "--help").output
    assert __version__ in run("--version").output


def test_config_prints_every_variable_with_secrets_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCPP_API_KEY", "canary")
    monkeypatch.setenv("OCPP_API_PORT", "9111")
    result = run("config")
    assert result.exit_code == 0
    shown = dict(line.split("=", 1) for line in result.output.splitlines())
    assert set(shown) == set(config.variables()) - {config.DATABASE_URL}
    assert shown["OCPP_API_PORT"] == "9111"
    assert "canary" not in result.output
    assert "# port for the HTTP API" in run("config", "--explain").output


def test_bad_settings_are_all_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPP_API_PORT", "port")
    monkeypatch.setenv("OCPP_USE_TLS", "perhaps")
    for verb in ("serve", "migrate", "config", "backup"):
        result = run(verb)
        assert result.exit_code == 2
        assert "OCPP_API_PORT" in result.output
        assert "OCPP_USE_TLS" in result.output


def test_settings_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "site.env").write_text("OCPP_SYSTEM_NAME=Depot\n")
    assert "OCPP_SYSTEM_NAME=Depot" in run("config", "--env-file", "site.env").output


def test_migrate_creates_checks_and_says_so(tmp_path: Path) -> None:
    assert run("migrate", "--check").exit_code == 1
    assert not (tmp_path / "ocpp_server.db").exists()
    assert "applied 0001_initial" in run("migrate").output
    assert run("migrate", "--check").exit_code == 0
    assert "already up to date" in run("migrate").output


def test_migrate_does_not_touch_a_database_in_use(tmp_path: Path) -> None:
    lock = SqliteLock(tmp_path / "ocpp_server.db")
    try:
        result = run("migrate")
    finally:
        lock.release()
    assert result.exit_code == 2
    assert "another server" in result.output


def test_backup_prints_the_path_and_verify_finds_it_sound(tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    made = run("backup", "--to", "new/copies")
    assert (made.exit_code, made.stderr) == (0, "")
    path = Path(made.stdout.strip())
    assert re.fullmatch(r"new/copies/ocpp_server-\d{8}T\d{6}Z\.db", str(path))
    checked = run("verify", str(path))
    assert checked.exit_code == 0
    assert checked.stdout.splitlines()[-1] == "sound"
    assert re.search(r"^    transactions +0$", checked.stdout, re.MULTILINE)
    as_json = json.loads(run("verify", str(path), "--json").stdout)
    assert (as_json["ok"], as_json["problems"], as_json["rows"]["logs"]) == (True, [], 0)


def test_backup_without_a_place_goes_where_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("migrate")
    assert run("backup").stdout.startswith(f"{tmp_path}/backups/ocpp_server-")
    monkeypatch.setenv("OCPP_BACKUP_DIR", "elsewhere")
    monkeypatch.setenv("OCPP_BACKUP_KEEP", "1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ocpp_server-20201123T080000Z.db").touch()
    made = run("backup")
    assert [str(each) for each in Path("elsewhere").glob("*.db")] == [made.stdout.strip()]


def test_backup_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = run("backup")
    assert absent.exit_code == 2
    assert f"there is no database at {tmp_path}/ocpp_server.db; set DB_SQLITE_PATH" in absent.stderr
    assert not (tmp_path / "backups").exists()
    run("migrate")
    (tmp_path / "file").touch()
    assert run("backup", "--to", "file").exit_code == 2
    blocked = run("backup", "--to", "file/copies")
    assert (blocked.exit_code, blocked.stdout) == (1, "")
    assert f"cannot write to {tmp_path}/file/copies: Not a directory" in blocked.stderr
    assert run("backup", "--keep", "0").exit_code == 2


def test_backup_of_postgresql_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:canary@db.example:6432/my%20ocpp")
    result = run("backup", "--to", "copies")
    assert result.exit_code == 2
    assert (
        "PGSSLMODE=disable pg_dump --format=custom '--file=copies/my ocpp.dump' --host=db.example"
        " --port=6432 --username=me '--dbname=my ocpp'" in result.stderr
    )
    assert "canary" not in result.output


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_verify_names_the_problem_and_exits_with_1(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "letter.db").write_text("a letter to a friend")
    result = run("verify", "letter.db", *options)
    assert result.exit_code == 1
    assert "the file is not a SQLite database" in result.stdout
    assert run("verify", "absent.db", *options).exit_code == 2


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OCPP_USE_TLS": "true"}, "OCPP_CERT_FILE"),
        ({"DB_SQLITE_PATH": "missing/ocpp.db"}, "missing"),
        ({"OCPP_HOST": "203.0.113.9"}, "OCPP_HOST"),
    ],
)
def test_serve_ends_with_what_to_do_about_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    monkeypatch.setenv("OCPP_API_PORT", "0")
    monkeypatch.setenv("OCPP_WEBSOCKET_PORT", "0")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = run("serve")
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def lines(started: Started | None = None, **variables: str) -> str:
    settings = config.load(variables)
    return "\n".join(first_lines(settings, started or Started(9000, None, 9001, False, None)))


def test_the_first_lines_name_both_addresses_and_warn_of_localhost() -> None:
    text = lines()
    assert "ws://localhost:9000/<charge point id>" in text
    assert "http://localhost:9001/api/status" in text
    assert "Warning: OCPP_HOST=localhost cannot be reached from the network" in text
    assert "OCPP_HOST=0.0.0.0" in text
    assert "key" not in text


def test_the_first_lines_of_an_open_server() -> None:
    made = Started(9000, 9443, 9001, True, "ocpp_secret")
    text = lines(made, OCPP_HOST="0.0.0.0", OCPP_USE_TLS="true")
    assert "wss://" in text
    assert "https://" in text
    assert "or, with TLS, to" in text
    assert ":9443/<charge point id>" in text
    assert text.count("ocpp_secret") == 1
    assert "wait as Pending" in text
    assert "cannot be reached" not in text
    again = lines(Started(9000, None, 9001, True, None), OCPP_HOST="0.0.0.0")
    assert "ocpp-trio keys create" in again
    warned = lines(OCPP_HOST="192.0.2.1", OCPP_API_AUTH="off", OCPP_UNKNOWN_CHARGE_POINTS="accept")
    assert "Warning: OCPP_API_AUTH=off" in warned
    assert "Warning: OCPP_UNKNOWN_CHARGE_POINTS=accept" in warned
    assert "ws://192.0.2.1:9000" in warned
