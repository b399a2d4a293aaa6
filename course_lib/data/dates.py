"""Dates as people write them, in English, French and German, and as computers do: 1987-03-03.

The pairs are made, not collected, so there are as many as wanted. Every tenth day of the two centuries is
kept for testing: no test date was ever seen in training, in any language.
"""

from __future__ import annotations

import datetime
from typing import Literal

import torch

from course_lib.checks import check_ints
from course_lib.data.string_pairs import Alphabet, StringPairs

FIRST_DAY = datetime.date(1900, 1, 1)
LAST_DAY = datetime.date(2099, 12, 31)
TEST_EVERY = 10

# By language: the months from January, the weekdays from Monday, and four ways to write a date.
LANGUAGES = {
    "English": (
        "January February March April May June July August September October November December",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        ("{n} {month} {y}", "{month} {n}, {y}", "{month:.3} {n}, {y}", "{weekday} {n} {month} {y}"),
    ),
    "French": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        ("{n} {month} {y}", "le {n} {month} {y}", "{weekday} {n} {month} {y}", "{d:02}/{m:02}/{y}"),
    ),
    "German": (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        ("{n}. {month} {y}", "{weekday}, {n}. {month} {y}", "{d:02}.{m:02}.{y}", "{d}.{m}.{y}"),
    ),
}
_WORDS = "".join(months + weekdays for months, weekdays, _ in LANGUAGES.values())
READ = Alphabet("".join(sorted({*" ,./0123456789", *_WORDS})))
WRITTEN = Alphabet("-0123456789")


def spellings(day: datetime.date) -> list[str]:
    """Write a date in all twelve ways known here, the four English ones first.

    Numerals alone are always day before month; ``ValueError`` if ``day`` lies before the year 1000.
    """
    if day.year < 1000:
        raise ValueError(f"day must lie in the years 1000 … 9999, got {day.isoformat()}")
    written = []
    for language, (months, weekdays, patterns) in LANGUAGES.items():
        parts = {
            "d": day.day,
            "n": "1er" if language == "French" and day.day == 1 else day.day,
            "m": day.month,
            "month": months.split()[day.month - 1],
            "weekday": weekdays.split()[day.weekday()],
            "y": day.year,
        }
        written += [pattern.format(**parts) for pattern in patterns]
    return written


def load_dates(
    count: int, *, split: Literal["train", "test"], generator: torch.Generator | None = None
) -> StringPairs:
    """Draw dates of 1900 … 2099, each with one of its twelve spellings, and the ISO 8601 form to make of it.

    Days are drawn uniformly, with replacement, from those of the split: every tenth day (its ordinal a
    multiple of 10) is a test day, the others train. Pairs such as ``("le 3 mars 1987", "1987-03-03")``.
    ``ValueError`` if ``count`` is not an int of at least 1, or ``split`` is another word.
    """
    check_ints(1, count=count)
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    days = [
        ordinal
        for ordinal in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1)
        if (ordinal % TEST_EVERY == 0) == (split == "test")
    ]
    chosen = torch.randint(len(days), (count,), generator=generator).tolist()
    manner = torch.randint(4 * len(LANGUAGES), (count,), generator=generator).tolist()
    dates = [datetime.date.fromordinal(days[i]) for i in chosen]
    sources = [spellings(day)[i] for day, i in zip(dates, manner, strict=True)]
    return StringPairs(sources, [day.isoformat() for day in dates])
