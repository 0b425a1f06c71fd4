"""What is done with a target's deployed flows besides making, reading and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from atlas.advice import bring_up
from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from atlas.kinds.properties import Plain
    from atlas.kinds.protocol import Kind
    from atlas.plan import Plan

    LastRuns = Mapping[str, tuple[str, str]]
    Trial = tuple[str, Callable[[], str]]
    """What is tried, and what tries it: it returns what was found, or raises an AtlasError that
    says what is wrong and what to do."""


class DeployServices(Protocol):
    """A platform's services, as a deployment reaches them."""

    @property
    def platform(self) -> str:
        """The platform's name, for messages."""

    @property
    def store(self) -> str:
        """URL of the artifact store."""

    def has(self, name: str) -> bool:
        """Tell whether there is a service of a name."""

    def kind(self, name: str) -> str:
        """Return what a service is."""

    def url(self, name: str) -> str:
        """Return a service's address, from here."""

    def credentials(self, name: str) -> str:
        """Return the name of the secret that opens a service; empty for none."""

    def opened(self, name: str) -> dict[str, str]:
        """Return the inputs by which a resource signs in to a service; none where it is open."""

    def detail(self, name: str, setting: str) -> Any:
        """Return what a service's outputs say besides; None where they don't."""

    def require_alive(self, name: str, path: str) -> None:
        """Ask a service whether it is there: a GET of a path that answers 200.

        Raises:
            PlatformError: it isn't.
        """


class Operations:
    """What is done with the resources of one target, as a target with nothing to add has it.

    A target overrides what its orchestrator can do. Inputs are those of one resource, or of several
    on one platform taken together.
    """

    is_rolled_out = False
    """Whether `roll_out` and `remove` do something: of many deployments, before each is made."""

    keeps_versions = False
    """Whether versions of members stay when these are destroyed, which `versions` counts."""

    processes = ""
    """How the names of the orchestrator's processes on a local platform begin; empty for none."""

    # Before a deployment ---------------------------------------------------------------------

    def addresses(self, services: DeployServices) -> dict[str, str]:
        """Return the inputs by which a resource finds the platform, the store's among them."""
        return {"store": services.store}

    def inputs(self, plans: Mapping[str, Plan], services: DeployServices) -> dict[str, Any]:
        """Return the inputs besides members, Plans and addresses.

        Args:
            plans: the members' Plans, by deployed name.
            services: the platform's.

        Raises:
            DeployError: the platform can't do what a Plan asks for.
        """
        return {}

    def needs_built_images(self, services: DeployServices) -> bool:
        """Tell whether images have to be built and pushed before their flows are deployed."""
        return False

    def require_alive(self, services: DeployServices) -> None:
        """Find out that the orchestrator is down before anything is done.

        Raises:
            PlatformError: it is.
        """

    def require_running(self, dead: Sequence[str], services: DeployServices) -> None:
        """Refuse a platform of which processes on this machine don't run that take part.

        Args:
            dead: the names of those that don't run.
            services: the platform's.

        Raises:
            PlatformError: one of them takes part.
        """
        own = [name for name in dead if self.processes and name.startswith(self.processes)]
        if own:
            raise PlatformError(
                f"platform {services.platform}: {', '.join(own)}: not running; "
                f"{bring_up('brings it back')}"
            )

    def trials(self, services: DeployServices) -> Iterator[Trial]:
        """Return what can be tried of a live orchestrator; nothing is tried yet."""
        return iter(())

    # While it changes ------------------------------------------------------------------------

    def runs_under_way(
        self, services: DeployServices, names: Collection[str]
    ) -> dict[str, Sequence[str]]:
        """Return the runs under way that a change of these members would change: name → ids."""
        return {}

    def unpause(self, services: DeployServices, names: Sequence[str]) -> Sequence[str]:
        """Let members run again that an operator has paused; return those that do."""
        return ()

    def roll_out(
        self, resources: Sequence[Plain], progress: Callable[[int, int], None]
    ) -> Mapping[str, str]:
        """Prepare several resources together, before each is made; what is ready isn't waited for.

        Args:
            resources: the inputs of each.
            progress: takes how many members are ready, and of how many.

        Returns:
            Why, by name, of the members that can't be made.
        """
        return {}

    def remove(self, resources: Sequence[Plain]) -> frozenset[str]:
        """Remove members of several resources together; return those that are gone."""
        return frozenset()

    def handler_after(self, removed: Collection[str]) -> Kind[Any, Any] | None:
        """Return the handler that knows that `remove` has removed members; None for no other."""
        return None

    # Once it is there ------------------------------------------------------------------------

    def pages(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return the address of the page of each member that has one."""
        return {}

    def front_page(self, services: DeployServices) -> str:
        """Return the address of the page that lists what is deployed; empty where there is none."""
        return ""

    def last_runs(self, inputs: Mapping[str, Any]) -> LastRuns:
        """Return id and state of the last run of each member that has one."""
        return {}

    def unstarted(
        self, inputs: Mapping[str, Any], runs: LastRuns, services: DeployServices
    ) -> Mapping[str, Sequence[str]]:
        """Return what keeps last runs that are under way from going on, by member.

        Args:
            inputs: those of one resource, or of several on one platform taken together.
            runs: what `last_runs` has found.
            services: the platform's.
        """
        return {}

    def versions(self, services: DeployServices, names: Iterable[str]) -> dict[str, int]:
        """Return how many versions of members stay when they are destroyed, by name."""
        return {}

    def purge(self, services: DeployServices, names: Iterable[str]) -> None:
        """Remove what stays of members when they are destroyed."""
