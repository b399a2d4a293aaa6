"""``python -m course_lib.pretraining``: see ``pretrain``."""

import sys

from course_lib.files import print_in_any_encoding
from course_lib.pretraining.pretrain import main

if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
