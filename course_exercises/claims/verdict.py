"""How facts become a word: a claim is right only if they bear it out, never for want of the opposite."""


def word(*, refuted: bool, borne_out: bool, otherwise: str = "wrong") -> str:
    """The verdict.

    Args:
        refuted: whether the facts speak against the claim.
        borne_out: whether they are what the claim says.
        otherwise: the word for a refuted claim.

    Returns:
        "right" or `otherwise`; "not decided" where the facts say neither, or both.
    """
    if refuted == borne_out:
        return "not decided"
    return otherwise if refuted else "right"
