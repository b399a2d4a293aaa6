"""The verdicts of one reading: each claim settled by the facts a cell measured."""

import inspect
from dataclasses import dataclass, field
from typing import Any

from course_exercises.claims.catalogue import CLAIMS, Claim


@dataclass(frozen=True)
class Settled:
    """One claim, the facts that were measured, and the verdict they lead to.

    Attributes:
        claim: as the catalogue has it.
        facts: name and value of each fact.
        verdict: the ruling's word; see ``catalogue.VERDICTS``.
    """

    claim: Claim
    facts: dict[str, Any]
    verdict: str

    def __repr__(self) -> str:
        facts = "\n".join(
            f"    {name.replace('_', ' ')}: {_short(value)}" for name, value in self.facts.items()
        )
        note = " (in part by reading)" if self.claim.by_reading else ""
        return f"{self.claim.identifier}: {self.verdict}{note}\n{facts}"


@dataclass
class Ledger:
    """Verdicts in the order they were reached; settling a claim again replaces its verdict."""

    settled: dict[str, Settled] = field(default_factory=dict)

    def settle(self, identifier: str, **facts: Any) -> Settled:
        """Apply a claim's ruling to measured facts.

        Args:
            identifier: a key of ``catalogue.CLAIMS``.
            facts: the arguments of the claim's ruling.

        Returns:
            The claim with its facts and verdict, which is also written into the ledger.

        Raises:
            ValueError: if there is no such claim, or the facts are not those its ruling asks for.
        """
        if identifier not in CLAIMS:
            raise ValueError(f"identifier must be one of {', '.join(CLAIMS)}, got {identifier!r}")
        claim = CLAIMS[identifier]
        needed = set(inspect.signature(claim.ruling).parameters)
        if needed != set(facts):
            raise ValueError(f"facts of {identifier} must be {sorted(needed)}, got {sorted(facts)}")
        self.settled[identifier] = Settled(claim, facts, claim.ruling(**facts))
        return self.settled[identifier]

    @property
    def open(self) -> list[str]:
        """Claims not settled yet, in the catalogue's order."""
        return [identifier for identifier in CLAIMS if identifier not in self.settled]

    def count(self) -> dict[str, int]:
        """How often each verdict was reached, the most frequent first."""
        words = [one.verdict for one in self.settled.values()]
        return dict(sorted(((word, words.count(word)) for word in set(words)), key=lambda p: (-p[1], p[0])))

    def __repr__(self) -> str:
        order = [identifier for identifier in CLAIMS if identifier in self.settled]
        rows = [f"{key:3} {self.settled[key].verdict:22} {CLAIMS[key].words}" for key in order]
        return "\n".join(row.rstrip() for row in rows) or "nothing settled yet"


def _short(value: Any) -> str:
    """A fact as the page shows it: yes and no, four significant digits, rounding errors as such."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and abs(value) < 1e-12:
        return "less than 1e-12"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
