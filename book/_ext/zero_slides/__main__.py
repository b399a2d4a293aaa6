"""Write the folder of slides: `make slides`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from course_lib.files import print_in_any_encoding
from zero_slides.folder import FOLDER, SITE, write_decks


def main() -> int:
    """Write the decks that the command line names, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m zero_slides", description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter of the book")
    parser.add_argument(
        "--site", type=Path, default=SITE, help="default: the built book; decks go to slides/"
    )
    arguments = parser.parse_args()
    started = time.perf_counter()
    decks = write_decks(arguments.site, arguments.notebooks)
    print(f"{arguments.site / FOLDER}: {len(decks)} decks, {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
