"""Set up this machine for Atlas.

Older Pythons must be able to parse this module, so that they can say that they are too old.
"""

import os
import sys

OLDEST, NEWEST = (3, 11), (3, 13)

TOO_OLD = (
    "set-up: python: found {}.{} ({}), expected 3.11 to 3.13; install one of these (Debian: "
    "apt-get install python3 python3-venv) or name one: make setup PYTHON=/path/to/python3.11"
)

if not OLDEST <= sys.version_info[:2] <= NEWEST:
    sys.exit(TOO_OLD.format(sys.version_info[0], sys.version_info[1], sys.executable))

if not __package__:
    # Started by path, before anything is installed: the package is beside this folder.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from atlas_toolchain.setup import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
