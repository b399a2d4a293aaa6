"""Late submissions: grace time and penalty."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class LatePolicy:
    """Each day begun after the deadline and its grace costs a share of the points.

    Attributes:
        deadline: with a time zone.
        grace_minutes: after the deadline that cost nothing, from 0.
        off_per_day: share of the points, 0 to 1.
        most_days: after which nothing counts any more, from 0.
    """

    deadline: datetime.datetime
    grace_minutes: float = 0.0
    off_per_day: float = 0.1
    most_days: int = 7

    def __post_init__(self) -> None:
        if self.deadline.tzinfo is None:
            raise ValueError(f"deadline must name its time zone, got {self.deadline.isoformat()}")
        if not self.grace_minutes >= 0:
            raise ValueError(f"grace_minutes must be at least 0, got {self.grace_minutes!r}")
        if not 0 <= self.off_per_day <= 1:
            raise ValueError(f"off_per_day must lie in 0 … 1, got {self.off_per_day!r}")
        if type(self.most_days) is not int or self.most_days < 0:
            raise ValueError(f"most_days must be a whole number from 0, got {self.most_days!r}")

    def days_late(self, handed_in: datetime.datetime) -> int:
        """Days begun after deadline and grace: 0 in time, 1 from the first moment after."""
        over = handed_in - self.deadline - datetime.timedelta(minutes=self.grace_minutes)
        return max(0, math.ceil(over / DAY))

    def share(self, handed_in: datetime.datetime) -> float:
        """The share of the points that counts, max(0, 1 − off_per_day · days), and 0 after `most_days`."""
        days = self.days_late(handed_in)
        return 0.0 if days > self.most_days else max(0.0, 1.0 - self.off_per_day * days)
