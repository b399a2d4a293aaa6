"""What a training run leaves behind besides the model: one row of numbers an epoch."""

from collections.abc import Iterator


class History:
    """The rows of a training run, one an epoch, each a dict of floats by column name.

    ``history["val_loss"]`` is a column, ``history.rows[3]`` a row, ``history.last`` the last row,
    ``len(history)`` the number of epochs. Its ``repr`` is a plain table with four decimals.

    Taught in: "MNIST classifier".
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def append(self, row: dict[str, float]) -> None:
        """Add one epoch.

        Args:
            row: values by column name; the first row sets the columns.

        Raises:
            ValueError: if the names differ from those of the first row.
        """
        if self.rows and row.keys() != self.rows[0].keys():
            raise ValueError(f"row must have the columns {self.columns}, got {list(row)}")
        self.rows.append(dict(row))

    @property
    def columns(self) -> list[str]:
        """Column names in order; empty before the first epoch."""
        return list(self.rows[0]) if self.rows else []

    @property
    def last(self) -> dict[str, float]:
        """The last epoch's row.

        Raises:
            ValueError: if there is no epoch yet.
        """
        if not self.rows:
            raise ValueError("history is empty: no epoch has finished")
        return self.rows[-1]

    def __getitem__(self, column: str) -> list[float]:
        """One column, epoch by epoch.

        Raises:
            KeyError: if there is no such column; names those there are.
        """
        if column not in self.columns:
            raise KeyError(f"history has no column {column!r}, it has {self.columns}")
        return [row[column] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "History: no epoch yet"
        widths = [max(8, len(name)) for name in self.columns]
        lines = ["epoch  " + "  ".join(name.rjust(w) for name, w in zip(self.columns, widths, strict=True))]
        for epoch, row in enumerate(self.rows, start=1):
            cells = (f"{value:.4f}".rjust(w) for value, w in zip(row.values(), widths, strict=True))
            lines.append(f"{epoch:>5}  " + "  ".join(cells))
        return "\n".join(lines)
