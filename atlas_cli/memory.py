"""When Python looks for garbage: not while a command reads and builds what it keeps to its end.

Looking through a million objects of which none is garbage takes longer than making them.
"""

from __future__ import annotations

import gc


def hold() -> None:
    """Look for no garbage until `settle`: what is made now is kept."""
    gc.disable()


def settle() -> None:
    """Look for garbage again, from now on; what is there already is kept and not looked through."""
    gc.freeze()
    gc.enable()


def end() -> None:
    """Have Python not look for garbage as it ends, unless something has settled, such as a run.

    A run's objects may be the user's, whose finalizers are called as in any script.
    """
    if not gc.isenabled():
        gc.freeze()
