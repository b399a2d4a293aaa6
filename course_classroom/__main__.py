"""`python -m course_classroom`: release, grade, report, selftest."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from course_lib.files import print_in_any_encoding

COMMANDS = {
    "release": "write an assignment: for students, for nbgrader, and your own copy",
    "grade": "mark a folder of submissions",
    "report": "make the table that your learning platform takes",
    "selftest": "mark right, blank and mistaken answers, and see each get what it should",
}
USAGE = "usage: python -m course_classroom {" + ",".join(COMMANDS) + "} …  (--help after one tells more)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Hand the arguments to the command they name; 2, and one line on stderr, where they name none."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["-h"], ["--help"]):
        print(USAGE, *(f"  {name:9} {does}" for name, does in COMMANDS.items()), sep="\n")
        return 0
    if not given or given[0] not in COMMANDS:
        got = f"got {given[0]!r}" if given else "got nothing"
        print(f"classroom: the command must be one of {', '.join(COMMANDS)}; {got}", file=sys.stderr)
        return 2
    return importlib.import_module(f"course_classroom.{given[0]}").main(given[1:])


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
