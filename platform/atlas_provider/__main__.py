"""The executable `pulumi-resource-atlas`: Pulumi starts it, and reads its port from stdout."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

_USAGE = "pulumi-resource-atlas: no address of an engine; expected to be started by Pulumi"
_WRONG_USAGE = 2


def main() -> None:
    """Serve the kinds of this version of Atlas to the Pulumi engine."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.stderr.write(f"error: {_USAGE}\n")
        sys.exit(_WRONG_USAGE)
    from atlas_provider.kinds import KINDS
    from atlas_provider.launch import UMASK
    from atlas_provider.provider import AtlasProvider
    from atlas_provider.serve import serve

    # The engine's umask is for its own files; a store may be shared with others.
    os.umask(int(os.environ.get(UMASK, "022"), 8))
    release = version("atlas-ml")
    serve(AtlasProvider(KINDS, release), release, addresses[-1])
    sys.stdout.flush()
    # Threads of operations that were cancelled too late would keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
