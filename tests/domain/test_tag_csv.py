"""Tags as CSV: what is written is read back as the same, what is odd is named by its line."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain import rules, tag_csv
from ocpp_trio.domain.tag_csv import COLUMNS, TagFile, read, write
from ocpp_trio.errors import TagFileRefused
from tests.support.clock import START

HEADER = ",".join(COLUMNS)
LAST_MS = 253_402_300_799_999  # the end of the year 9999


def read_text(text: str) -> TagFile:
    return read(text.encode())


def problems(raw: bytes | str) -> list[tuple[int, str]]:
    with pytest.raises(TagFileRefused) as refused:
        read(raw.encode() if isinstance(raw, str) else raw)
    assert refused.value.total >= len(refused.value.problems) > 0
    return list(refused.value.problems)


def test_all_columns() -> None:
    file = read_text(
        f"{HEADER}\r\n"
        'RFID123,FLEET,Blocked,2026-11-23T09:00:00+01:00,2,"lost, ""again""\r\ntwice"\r\n'
        "B,,,,,\r\n"
    )
    assert file.columns == frozenset(COLUMNS.values())
    assert file.tags == [
        {
            "id_tag": "RFID123",
            "parent_id_tag": "FLEET",
            "status": "Blocked",
            "expiry_date": START,
            "max_active_transactions": 2,
            "note": 'lost, "again"\r\ntwice',
        },
        {
            "id_tag": "B",
            "parent_id_tag": None,
            "status": "Accepted",
            "expiry_date": None,
            "max_active_transactions": None,
            "note": None,
        },
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_some_columns_in_any_order_and_any_line_ends(mark: str, end: str) -> None:
    file = read_text(mark + end.join(["note,idTag", "x,A", "", "y,B", ""]))
    assert file.columns == {"id_tag", "note"}
    assert [(tag["id_tag"], tag["note"]) for tag in file.tags] == [("A", "x"), ("B", "y")]


def test_a_file_without_tags_is_one() -> None:
    assert read_text(f"{HEADER}\n").tags == []


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        ("", 1, "is empty"),
        ("\n\n", 1, "is empty"),
        ("RFID123,Accepted\n", 1, "no column 'RFID123'"),
        ("idtag\nA\n", 1, "no column 'idtag'"),
        ("status\nAccepted\n", 1, "idTag is missing"),
        ("idTag,idTag\nA,B\n", 1, "idTag is there twice"),
        ("idTag;status\nA;Accepted\n", 1, "semicolons"),
        ("idTag\tstatus\nA\tAccepted\n", 1, "tabs"),
        ("idTag\nA\n\xe4".encode("latin-1"), 3, "not UTF-8"),
        ("idTag\nA\n".encode("utf-16"), 1, "not UTF-8"),
        (b"idTag\nA\n\xed\xa0\x80\n", 3, "not UTF-8"),
        ("idTag,note\nA,x\nB,a\0b\n", 3, "NUL"),
        ('idTag,note\nA,"x\ny"\nB,"open\n', 4, "is not CSV"),
        ('idTag,note\nA,"x"y\n', 2, "is not CSV"),
        ("idTag,note\nA," + "x" * 200_000 + "\n", 2, "field larger than field limit"),
        ("idTag,note\nA,x\nB\n", 3, "has 1 fields, the first line 2"),
        ("idTag\nA,B\n", 2, "has 2 fields, the first line 1"),
        ("idTag,status\n,Accepted\n", 2, "idTag must be 1 to 20 printable"),
        ("idTag\n" + "x" * 21 + "\n", 2, "idTag must be 1 to 20 printable"),
        ("idTag,parentIdTag\nA," + "x" * 21 + "\n", 2, "parentIdTag must be 1 to 20"),
        ('idTag\n"A\nB"\n', 2, "idTag must be 1 to 20 printable"),
        ("idTag\nA\\u0000\n", 2, "idTag must be 1 to 20 printable"),
        ("idTag,status\nA,accepted\n", 2, "status must be one of Accepted, Blocked"),
        ("idTag,status\nA,ConcurrentTx\n", 2, "status must be one of Accepted, Blocked"),
        ("idTag,expiryDate\nA,tomorrow\n", 2, "expiryDate must be a date and time"),
        ("idTag,expiryDate\nA,2030-12-31\n", 2, "expiryDate must be a date and time"),
        ("idTag,maxActiveTransactions\nA,-1\n", 2, "maxActiveTransactions must be a whole"),
        ("idTag,maxActiveTransactions\nA,1.0\n", 2, "maxActiveTransactions must be a whole"),
        ("idTag,maxActiveTransactions\nA,٣\n", 2, "maxActiveTransactions must be a whole"),
        ("idTag,maxActiveTransactions\nA,9223372036854775808\n", 2, "must be a whole number"),
        ("idTag,maxActiveTransactions\nA," + "9" * 5000 + "\n", 2, "must be a whole number"),
        ("idTag,note\nA," + "x" * 1001 + "\n", 2, "note must be at most 1000"),
        ("idTag\nA\nB\na\n", 4, "is in line 2 already"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_line(raw: bytes | str, line: int, words: str) -> None:
    found = problems(raw)
    assert [each[0] for each in found] == [line]
    assert words in found[0][1]
    assert len(found[0][1]) < 250


def test_every_bad_line_is_named_up_to_a_hundred() -> None:
    lines = ["idTag,status", *(f"T{n},{'x' if n % 2 else 'Accepted'}" for n in range(10))]
    assert [line for line, _ in problems("\n".join(lines))] == [3, 5, 7, 9, 11]
    many = "idTag\n" + ",\n" * 250
    with pytest.raises(TagFileRefused, match=r"^line 2: has 2 fields.*\(and 249 more\)") as refused:
        read_text(many)
    assert (len(refused.value.problems), refused.value.total) == (100, 250)


def test_too_many_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_csv, "MAX_TAGS", 3)
    assert len(read_text("idTag\nA\nB\nC\n").tags) == 3
    assert problems("idTag\nA\nB\nC\nD\nE\n") == [(5, "more than 3 tags; split the file")]


@pytest.mark.parametrize("date", ["", "0001-01-01T00:00:00Z"])
def test_no_date_is_no_expiry(date: str) -> None:
    (tag,) = read_text(f"idTag,expiryDate\nA,{date}\n").tags
    assert tag["expiry_date"] is None


ID_TAG = st.text(max_size=20).filter(rules.is_id_tag)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
TAGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id_tag": ID_TAG,
        "parent_id_tag": st.none() | ID_TAG,
        "status": st.sampled_from(rules.STATUSES),
        "expiry_date": st.none() | st.integers(0, LAST_MS),
        "max_active_transactions": st.none() | st.integers(0, 2**63 - 1),
        "note": st.none() | TEXT | st.sampled_from(["a\r\nb", "\r", "\n", ' "x"', "=1+1", ";,\t"]),
    }
)


@given(st.lists(TAGS, unique_by=lambda tag: rules.tag_key(tag["id_tag"]), max_size=5))
def test_what_is_written_is_read_back_as_the_same(tags: list[dict[str, Any]]) -> None:
    raw = write(tags[:2], header=True) + write(tags[2:], header=False)
    assert read(raw) == TagFile(frozenset(COLUMNS.values()), tags)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for given_ in (raw, b"idTag,note,expiryDate\n" + raw):
        with suppress(TagFileRefused):
            assert {"id_tag"} <= read(given_).columns
