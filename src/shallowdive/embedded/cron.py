"""A cron schedule: five fields, or a word for them. Reads it, refuses a wrong one in the API's words, finds the next time."""

from __future__ import annotations

from datetime import datetime, timedelta

FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: i + 1 for i, name in enumerate(MONTHS)},
    {name: i for i, name in enumerate(DAYS)},
)
WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FARTHEST = 366 * 5
"""Days within which a schedule must come true."""


class BadSchedule(ValueError):
    """Not a schedule; the message is the API's."""


class Schedule:
    """Raises BadSchedule."""

    def __init__(self, text: str) -> None:
        if text.startswith("@") and text not in WORDS:
            raise BadSchedule(f"unrecognized descriptor: {text}")
        parts = WORDS.get(text, text).split()
        if len(parts) != 5:
            raise BadSchedule(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
        self._minutes, self._hours, self._days, self._months, self._weekdays = (
            _values(part, *FIELDS[i], NAMES[i]) for i, part in enumerate(parts)
        )
        self._either = not parts[2].startswith(("*", "?")) and not parts[4].startswith(("*", "?"))

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment` that fits; None when none comes in five years."""
        at = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = moment + timedelta(days=FARTHEST)
        while at <= last:
            if at.month not in self._months or not self._day(at):
                at = (at + timedelta(days=1)).replace(hour=0, minute=0)
            elif at.hour not in self._hours:
                at = (at + timedelta(hours=1)).replace(minute=0)
            elif at.minute not in self._minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return None

    def _day(self, at: datetime) -> bool:
        """A day of the month and a day of the week that are both named: either will do."""
        day, weekday = at.day in self._days, at.isoweekday() % 7 in self._weekdays
        return day or weekday if self._either else day and weekday


def _values(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    return {value for part in field.split(",") for value in _range(part, low, high, names)}


def _range(part: str, low: int, high: int, names: dict[str, int]) -> range:
    span, slash, step_text = part.partition("/")
    first, dash, second = span.partition("-")
    if part.count("/") > 1:
        raise BadSchedule(f"too many slashes: {part}")
    if span in ("*", "?"):
        start, end = low, high
    else:
        start = _number(first, names)
        end = _number(second, names) if dash else (high if slash else start)
    step = _number(step_text, {}) if slash else 1
    if start < low:
        raise BadSchedule(f"beginning of range ({start}) below minimum ({low}): {part}")
    if end > high:
        raise BadSchedule(f"end of range ({end}) above maximum ({high}): {part}")
    if start > end:
        raise BadSchedule(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {part}")
    return range(start, end + 1, step)


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    try:
        value = int(text)
    except ValueError as bad:
        raise BadSchedule(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax') from bad
    if value < 0:
        raise BadSchedule(f"negative number ({value}) not allowed: {text}")
    return value
