"""`python -m atlas.images [--upgrade]`: lock anew what Atlas itself needs; part of `make lock`."""

import sys

from atlas.images.locking import relock_core

relock_core(sys.argv[1:])
