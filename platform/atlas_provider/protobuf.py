"""Lets kfp and pulumi live in one process.

Both bring the message ``google.rpc.Status``, pulumi in a copy of its own under another file name,
and protobuf refuses the second. `share_status` gives pulumi the one of googleapis-common-protos.
"""

from __future__ import annotations

import sys
from importlib import import_module

_PULUMIS = "pulumi.runtime.proto.status_pb2"


def share_status() -> None:
    """Make pulumi use Google's ``Status``; call it before pulumi is imported.

    Without googleapis-common-protos there is no kfp either, and nothing to share.
    """
    if _PULUMIS in sys.modules:
        return
    try:
        sys.modules[_PULUMIS] = import_module("google.rpc.status_pb2")
    except ImportError:
        return
