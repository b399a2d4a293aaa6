"""Dates as people write them, in English, French and German, and as computers do: 1987-03-03.

The pairs are made, not collected, so there are as many as wanted. Every tenth day of the two centuries is
kept for testing: no test date was ever seen in training, in any language.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Literal

import torch

from course_lib.checks import check_ints
from course_lib.data.string_pairs import Alphabet, StringPairs

FIRST_DAY = datetime.date(1900, 1, 1)
LAST_DAY = datetime.date(2099, 12, 31)
TEST_EVERY = 10

# The months from January and the weekdays from Monday.
_ENGLISH = (
    "January February March April May June July August September October November December",
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
)
_FRENCH = (
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
)
_GERMAN = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
)


def _names(day: datetime.date, language: tuple[str, str]) -> tuple[str, str]:
    months, weekdays = language
    return months.split()[day.month - 1], weekdays.split()[day.weekday()]


def _english(day: datetime.date) -> list[str]:
    month, weekday = _names(day, _ENGLISH)
    return [
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{month[:3]} {day.day}, {day.year}",
        f"{weekday} {day.day} {month} {day.year}",
    ]


def _french(day: datetime.date) -> list[str]:
    month, weekday = _names(day, _FRENCH)
    number = "1er" if day.day == 1 else str(day.day)
    return [
        f"{number} {month} {day.year}",
        f"le {number} {month} {day.year}",
        f"{weekday} {number} {month} {day.year}",
        f"{day:%d/%m}/{day.year}",
    ]


def _german(day: datetime.date) -> list[str]:
    month, weekday = _names(day, _GERMAN)
    return [
        f"{day.day}. {month} {day.year}",
        f"{weekday}, {day.day}. {month} {day.year}",
        f"{day:%d.%m}.{day.year}",
        f"{day.day}.{day.month}.{day.year}",
    ]


LANGUAGES: dict[str, Callable[[datetime.date], list[str]]] = {
    "English": _english,
    "French": _french,
    "German": _german,
}
READ = Alphabet("".join(sorted({*" ,./0123456789", *"".join(_ENGLISH + _FRENCH + _GERMAN)})))
WRITTEN = Alphabet("-0123456789")


def spellings(day: datetime.date) -> list[str]:
    """Write a date of the years 1000 … 9999 in all twelve ways known here, four per language, English first.

    Numerals alone are always day before month; ``ValueError`` for another year.
    """
    if day.year < 1000:
        raise ValueError(f"day must lie in the years 1000 … 9999, got {day.isoformat()}")
    return [spelling for write in LANGUAGES.values() for spelling in write(day)]


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
