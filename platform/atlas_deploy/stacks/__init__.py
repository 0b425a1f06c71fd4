"""Drive Pulumi: stacks of a state folder's file backend, updated by programs of this process.

    stack = Stack.open("local", project="atlas", state=state, program=program)
    outputs = stack.up(say=print)

`backend` knows where a state folder keeps Pulumi's files, `locks` which locks are stale, `command`
how the engine is run and interrupted, `events` what it says, `stack` all of it together.
"""

from __future__ import annotations

from atlas_deploy.stacks.stack import Stack

__all__ = ["Stack"]
