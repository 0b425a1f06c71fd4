"""What a stack's handle relies on in Pulumi's Automation API: private parts that may move."""

from __future__ import annotations

import inspect

from pulumi import automation
from pulumi.automation import Stack
from pulumi.automation._stack import StackInitMode

from atlas_deploy.stacks.handles import _Handle


def test_a_stack_is_made_of_what_the_handle_sets():
    """A handle sets these itself, and so starts no engine to select the stack."""
    source = inspect.getsource(Stack.__init__)
    made = {line.split(" = ")[0].strip() for line in source.splitlines() if "self." in line}
    assert {"self.name", "self.workspace", "self._mode"} <= {name.split(":")[0] for name in made}
    workspace = automation.LocalWorkspace.__new__(automation.LocalWorkspace)
    handle = _Handle("shop.local", workspace)
    assert (handle.name, handle.workspace) == ("shop.local", workspace)
    assert handle._mode is StackInitMode.SELECT


def test_an_update_asks_its_own_handle_for_outputs_and_history():
    """Two more starts of the engine, which the handle answers itself."""
    for operation in (Stack.up, Stack.destroy, Stack.refresh):
        source = inspect.getsource(operation)
        assert "self.info(" in source
    assert "self.outputs()" in inspect.getsource(Stack.up)
    handle = _Handle("shop.local", automation.LocalWorkspace.__new__(automation.LocalWorkspace))
    assert handle.outputs() == {}
    assert not handle.info(show_secrets=False)
