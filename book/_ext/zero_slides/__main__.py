"""Write the folder of slides: `make slides`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from zero_slides.folder import OUT, write_decks


def main() -> int:
    """Write the decks that the command line names, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m zero_slides", description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter of the book")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder, by default beside the built book")
    arguments = parser.parse_args()
    started = time.perf_counter()
    decks = write_decks(arguments.out, arguments.notebooks)
    print(f"{arguments.out}: {len(decks)} decks, {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
