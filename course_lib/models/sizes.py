"""Sizes of a model's parts: whole numbers that count something, so none is below 1."""


def check_sizes(**sizes: int) -> None:
    """Refuse a size below 1 with a ``ValueError`` that bears its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
