"""Paired measurements, and records of them; a browser is started as the book's own extensions start it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
