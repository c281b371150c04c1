"""Cron schedules: `*/5 8-18 * * mon-fri`, `@hourly`. When the next time is. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name.lower(): (number + 1) % 7 for number, name in enumerate(calendar.day_abbr)}
LOOK_DAYS = 5 * 366


def next_after(schedule: str, after: float, zone: str = "") -> float | None:
    """The first matching minute after a moment (seconds since 1970), None when there is none within five years. Raises ValueError."""
    minutes, hours, days, months, weekdays, either = _fields(SHORT.get(schedule.strip().lower(), schedule))
    where = ZoneInfo(zone) if zone else UTC
    start = datetime.fromtimestamp(after, where).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for offset in range(LOOK_DAYS):
        day = (start + timedelta(days=offset)).date()
        in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month not in months or not (in_month or in_week if either else in_month and in_week):
            continue
        for hour in hours:
            for minute in minutes:
                found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=where)
                if found >= start:
                    return found.timestamp()
    return None


@lru_cache(maxsize=256)
def _fields(schedule: str) -> tuple[list[int], list[int], set[int], set[int], set[int], bool]:
    parts = schedule.lower().split()
    if len(parts) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{schedule}]")
    minute, hour, day, month, weekday = parts
    either = not day.startswith(("*", "?")) and not weekday.startswith(("*", "?"))
    return (
        sorted(_values(minute, 0, 59, {})),
        sorted(_values(hour, 0, 23, {})),
        _values(day, 1, 31, {}),
        _values(month, 1, 12, MONTHS),
        {value % 7 for value in _values(weekday, 0, 7, DAYS)},
        either,
    )


def _values(text: str, first: int, last: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        if span in ("*", "?"):
            begin, end = first, last
        else:
            begin = names[low] if low in names else int(low)
            end = (names[high] if high in names else int(high)) if dash else last if step else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return found
