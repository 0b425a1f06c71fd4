"""Bring an ephemeral platform up, as a process of its own: ``bring_up FOLDER``.

Whoever uses the platform needn't import Pulumi for it, and may be killed at any moment: this
process carries the platform's mark, and is ended with the rest of it.
"""

from __future__ import annotations

import gc
import sys
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Bring up the platform of the folder that is named by the only argument."""
    # It lives for seconds: what it leaves behind is the system's.
    gc.disable()
    from atlas.errors import AtlasError
    from atlas_deploy.platforms import lifecycle
    from atlas_provider.ephemeral import STACK, EphemeralFolder
    from atlas_provider.kinds import KINDS
    from atlas_provider.provider import AtlasProvider
    from atlas_provider.serve import hosted

    state, release = EphemeralFolder(Path(sys.argv[1])).state, version("atlas-ml")
    try:
        # One that the engine starts would import the same packages once more.
        with hosted(AtlasProvider(KINDS, release), release) as provider:
            lifecycle.up(state, STACK, _say, provider)
    except AtlasError as error:
        _say(f"error: {error}")
        sys.exit(1)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
