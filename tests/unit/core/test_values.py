from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.values import format_age, format_time, is_false, later, parse_duration, parse_moment, parse_time


def test_what_says_no_is_what_git_reads_so() -> None:
    assert [text for text in ("", "0", "No", "OFF ", "false", "1", "never", "true") if not is_false(text)] == [
        *("1", "never", "true")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0d", timedelta(0)),
        ("250ms", timedelta(milliseconds=250)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("3w", timedelta(days=21)),
        ("007d", timedelta(days=7)),
        ("36500d", timedelta(days=36500)),
        ("2592000000ms", timedelta(days=30)),
        ("0000000000000000000d", timedelta(0)),
        (f"{'0' * 5000}1d", timedelta(days=1)),
    ],
)
def test_a_duration_is_read_in_its_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "d",
        "7 d",
        " 7d",
        "7d\n",
        "-7d",
        "+7d",
        "1.5h",
        "7D",
        "7M",
        "7y",
        "1h30m",
        "1e3s",
        "\u0667d",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["36501d", "999999999w", "999999999999999w", "5300w", "3153600000001ms", "9" * 5000 + "s"]
)
def test_more_than_a_hundred_years_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="100 years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-16T11:03:04Z", datetime(2026, 7, 16, 11, 3, 4, tzinfo=UTC)),
        ("2026-07-16T11:03:04.5Z", datetime(2026, 7, 16, 11, 3, 4, 500000, tzinfo=UTC)),
        ("2026-07-16T11:03:04.123456Z", datetime(2026, 7, 16, 11, 3, 4, 123456, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text: str, expected: datetime) -> None:
    moment = parse_time(text)
    assert moment == expected
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-07-16", "2026-07-16T11:03:04", "2026-07-16T11:03:04+00:00", "2026-07-16T11:03:04+02:00"),
        *("2026-07-16 11:03:04Z", "2026-07-16T11:03:04z", "2026-07-16T11:03Z", "2026-07-16T11:03:04Z\n"),
        *("2026-07-16T11:03:04.1234567Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00:61Z"),
        *("0000-01-01T00:00:00Z", "\u0662\u0660\u0662\u0666-07-16T11:03:04Z"),
    ],
)
def test_what_is_no_utc_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="not a time"):
        parse_time(text)


def test_a_time_is_written_in_utc_with_whole_seconds() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert format_time(datetime(2026, 7, 16, 1, 0, 0, 999999, tzinfo=east)) == "2026-07-15T19:30:00Z"
    assert format_time(datetime(2026, 7, 16, 11, 3, 4, tzinfo=UTC)) == "2026-07-16T11:03:04Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min")],
        *[(3600, "1 h"), (86399, "23 h"), (86400, "1 d"), (40 * 86400, "40 d")],
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert format_age(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", "2026-12-01T00:00:00Z"),
        ("2026-12-01T18:00:00Z", "2026-12-01T18:00:00Z"),
        ("14d", "2026-07-30T11:03:04Z"),
    ],
)
def test_a_moment_is_a_date_a_time_or_so_long_from_now(text: str, expected: str) -> None:
    assert format_time(parse_moment(text, now=datetime(2026, 7, 16, 11, 3, 4, tzinfo=UTC))) == expected


def test_so_long_ago_is_a_moment_too() -> None:
    now = datetime(2026, 7, 16, 11, 3, 4, tzinfo=UTC)
    assert format_time(parse_moment("14d", now=now, back=True)) == "2026-07-02T11:03:04Z"
    with pytest.raises(InvalidText, match="or how long ago \\(14d\\)"):
        parse_moment("yesterday", now=now, back=True)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30", "2026-12-01T18:00", "14", "-1d"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="not a time"):
        parse_moment(text, now=datetime(2026, 7, 16, tzinfo=UTC))


def test_no_time_is_later_than_the_end_of_all_calendars() -> None:
    moment = datetime(9999, 12, 31, tzinfo=UTC)
    assert later(moment, timedelta(hours=1)) == datetime(9999, 12, 31, 1, tzinfo=UTC)
    assert format_time(later(moment, timedelta(days=1))) == "9999-12-31T23:59:59Z"
