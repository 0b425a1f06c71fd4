"""`python -m atlas.images [--upgrade]`: lock the packages of Atlas itself; part of `make lock`."""

import sys

from atlas.images.locking import relock_core

relock_core(sys.argv[1:])
