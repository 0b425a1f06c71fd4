"""The kind `AlertRules`: groups of Prometheus rules, one file each, loaded by a running Prometheus.

A group is checked by promtool before its file gets its name, for a Prometheus that finds one broken
file doesn't start. A file that Prometheus doesn't load is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from atlas.alerts.group import DIGEST_RECORD
from atlas.errors import DeployError, PartialFailureError, PlatformError, UnreachableError
from atlas.kinds import content, imports
from atlas.kinds.members import OptionalSecrets, Owner, Store
from atlas.kinds.parsing import Failure, parse
from atlas.kinds.properties import properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas_provider import promtool
from atlas_provider.prometheus import Prometheus
from atlas_provider.rule_folder import NAME, OWNER
from atlas_provider.rule_loading import RuleLoading, is_loaded, stated_digest
from atlas_provider.rule_place import is_place, rule_place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.kinds.protocol import OperationContext
    from atlas_provider.rule_place import RulePlace

NOT_LOADED = "not loaded by Prometheus"
"""What stands for the digest of a file that is there and isn't what Prometheus has loaded."""


@properties
class AlertRulesInputs:
    """Groups of Prometheus rules of one stack: checked by promtool, and loaded in Prometheus.

    The update fails for each group that promtool refuses, or that Prometheus doesn't load in
    fifteen seconds, on a cluster in four minutes (or the custom time-out); those have their old
    file again, the others are loaded. It fails as a whole when the store lacks a content, promtool
    isn't there or Prometheus doesn't answer.
    """

    owner: Owner
    members: Annotated[
        Mapping[str, str],
        "Digest (sha256) of each rule file, by the name of its group; its content is in the store "
        "under that digest (`atlas.kinds.content.put`), and has the recording rule "
        f"`{DIGEST_RECORD}` with a label `digest`.",
    ]
    store: Store
    rules: Annotated[
        str,
        "URL of where Prometheus takes rules from: a folder of this machine of which it takes "
        "`*.yml`, `file:///…`; or the namespace of a cluster whose operator selects objects by a "
        "label, `kubernetes://NAMESPACE?context=NAME&label=KEY%3DVALUE`.",
    ]
    prometheus: Annotated[str, "URL of Prometheus."]
    secrets: OptionalSecrets = None
    credentials: Annotated[
        str | None, "Name of the secret to sign in with; without one, Prometheus is open."
    ] = None


@properties
class AlertRulesOutputs:
    """Nothing: Prometheus has nothing to add."""


_State = State[AlertRulesInputs, AlertRulesOutputs]
_NOTHING = AlertRulesOutputs()


class AlertRulesKind(Kind[AlertRulesInputs, AlertRulesOutputs]):
    """Handle the rules of one stack."""

    inputs = AlertRulesInputs
    outputs = AlertRulesOutputs

    def check(self, inputs: AlertRulesInputs) -> list[Failure]:
        """Return what is wrong with the inputs: names that no file can have."""
        odd = sorted(name for name in inputs.members if not NAME.fullmatch(name))
        expected = "expected letters, digits, '.', '_' and '-'"
        failures = [Failure("members", f"found the group '{name}'; {expected}") for name in odd]
        if not OWNER.fullmatch(inputs.owner):
            failures.append(Failure("owner", f"found '{inputs.owner}'; {expected}, and '/'"))
        return failures

    def create(
        self, inputs: AlertRulesInputs, context: OperationContext
    ) -> tuple[str, AlertRulesOutputs]:
        """Have the rules loaded; what an interrupted create left is removed."""
        return inputs.owner, _load(None, inputs, context)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the files that are there, and whether Prometheus has loaded each.

        A Prometheus that doesn't answer, perhaps because it has another address now, changes
        nothing of what is known: an update finds out at the address that it is given.
        """
        inputs = state.inputs
        members = _members(inputs)
        if not members and inputs.members:
            return None
        return State(replace(inputs, members=members), _NOTHING)

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[AlertRulesInputs, AlertRulesOutputs]:
        """Return the rules that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
        """
        located = imports.located(identity, AlertRulesInputs)
        inputs = parse(AlertRulesInputs, {**located, "members": {}})
        members = _members(inputs)
        if not members:
            raise imports.nothing(identity, "rules", inputs.rules)
        return FoundResource(inputs.owner, State(replace(inputs, members=members), _NOTHING))

    def update(
        self, identity: str, state: _State, inputs: AlertRulesInputs, context: OperationContext
    ) -> AlertRulesOutputs:
        """Have the rules loaded that differ, and those unloaded that aren't members any more."""
        outputs = _load(state, inputs, context)
        before = state.inputs
        if before.rules != inputs.rules:
            _unload(before, context)
        return outputs

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Remove the files, and see that Prometheus has unloaded them, where it runs."""
        _unload(state.inputs, context)


def _prometheus(inputs: AlertRulesInputs) -> Prometheus:
    """Return the Prometheus that a resource is on."""
    return Prometheus(inputs.prometheus, inputs.secrets or "", inputs.credentials or "")


def _members(inputs: AlertRulesInputs) -> dict[str, str]:
    """Return the digest of each file that is there, or that it isn't loaded."""
    if not is_place(inputs.rules):
        return {}
    place = rule_place(inputs.rules, inputs.owner)
    contents = {name: place.read(name) for name in place.names()}
    there = {name: text for name, text in contents.items() if text is not None}
    digests = {name: content.digest_of(text) for name, text in there.items()}
    try:
        groups = _prometheus(inputs).groups() if there else []
    except PlatformError:
        return digests
    return {
        name: digests[name] if is_loaded(place, groups, name, text) else NOT_LOADED
        for name, text in there.items()
    }


def _load(
    state: _State | None, inputs: AlertRulesInputs, context: OperationContext
) -> AlertRulesOutputs:
    """Have the members loaded, and others of the owner unloaded.

    Raises:
        PartialFailureError: some are loaded, some aren't.
        DeployError: none is.
        StoreError: the store lacks a content.
        PlatformError: Prometheus doesn't answer, or promtool isn't there.
    """
    contents = content.get_all(inputs.store, inputs.members)
    _prometheus(inputs).require_ready()
    place = rule_place(inputs.rules, inputs.owner)
    failures = _refused(place, contents)
    gone = {*place.names()} - {*contents}
    desired = {**contents, **dict.fromkeys(gone)}
    loading = _loading(place, inputs, context)
    failures |= loading.run({n: text for n, text in desired.items() if n not in failures})
    if failures:
        _give_up(state, inputs, failures)
    return _NOTHING


def _loading(place: RulePlace, inputs: AlertRulesInputs, context: OperationContext) -> RuleLoading:
    """Return what has rules of an owner loaded."""
    seconds = context.timeout or place.seconds
    return RuleLoading(place, _prometheus(inputs), seconds, context.cancelled)


def _refused(place: RulePlace, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return why, of each content that can't be loaded; what is there already isn't checked again.

    Raises:
        PlatformError: promtool isn't there.
    """
    fresh = {name: text for name, text in contents.items() if place.read(name) != text}
    reasons = {name: _refusal(text) for name, text in fresh.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _refusal(text: bytes) -> str:
    """Return why a content can't be loaded; empty for no reason."""
    if not stated_digest(text):
        return f"found no rule `record: {DIGEST_RECORD}` with a label `digest`; expected one"
    reason = promtool.ailment(text)
    return f"promtool refuses it: {reason}" if reason else ""


def _give_up(state: _State | None, inputs: AlertRulesInputs, failures: Mapping[str, str]) -> None:
    """Report what failed, with the state that there is: failed members are what they were before.

    Raises:
        PartialFailureError: some rules are loaded.
        DeployError: none is.
    """
    reasons = [f"{name}: {reason}" for name, reason in sorted(failures.items())]
    before = state.inputs.members if state else {}
    kept = {name: digest for name, digest in before.items() if name in failures}
    made = {name: digest for name, digest in inputs.members.items() if name not in failures}
    if not {**kept, **made}:
        raise DeployError("\n".join(reasons))
    loaded = State(replace(inputs, members={**kept, **made}), _NOTHING)
    raise PartialFailureError(inputs.owner, loaded, reasons)


def _unload(inputs: AlertRulesInputs, context: OperationContext) -> None:
    """Remove all files of an owner; where Prometheus runs, see that it has unloaded them.

    Raises:
        DeployError: it still has some; the files are gone.
    """
    if not is_place(inputs.rules):
        return
    place = rule_place(inputs.rules, inputs.owner)
    names = {*place.names(), *inputs.members}
    if not names:
        return
    _remove(place, names)
    try:
        _prometheus(inputs).require_ready()
    except PlatformError as error:
        if isinstance(error.__cause__, UnreachableError):
            return  # It finds no such files when it starts.
        raise
    failures = _loading(place, inputs, context).run(dict.fromkeys(names))
    if failures:
        raise DeployError("\n".join(f"{name}: {why}" for name, why in sorted(failures.items())))


def _remove(place: RulePlace, names: Iterable[str]) -> None:
    """Remove files of an owner, and its place."""
    for name in names:
        place.write(name, None)
