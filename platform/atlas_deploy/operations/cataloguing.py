"""The catalogue of a project: its pipelines in one Environment, its deployments in all."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from atlas.advice import command
from atlas.catalog import Link, gather
from atlas.errors import AtlasError, InvalidError
from atlas.load import load_environment
from atlas.plan import pipelines
from atlas.registered import LOCAL_TARGET
from atlas.runner.process_environment import process_environment
from atlas.store import open_store
from atlas.targets import target_named
from atlas.targets.protocol import deployed_name
from atlas.validate import check
from atlas_deploy.operations.listing import environments
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from atlas.catalog import Catalog
    from atlas.environment import Project
    from atlas.plan import Pipeline, Plan
    from atlas.store import Store
    from atlas.validate import Report
    from atlas_deploy.platforms.services import Services


def catalog_of(path: Path, environment: str) -> Catalog:
    """Return the catalogue of the pipelines under a PATH.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: the Environment whose models, runs and checks are shown.

    A pipeline in which something is wrong is left out, with a note.

    Raises:
        InvalidError: no pipeline is right.
        PlatformError: the Environment's platform can't be read.
    """
    report = check(path, environment)
    sound = pipelines(report)
    if not sound:
        raise InvalidError(report.errors)
    project, main = sound[0].project, sound[0].environment
    notes = [*_left_out(report)]
    stores = list(_stores(project, environment, notes))
    services = _services(project, environment)
    with process_environment(project, main) as process:
        links = pages_of(services)
        return gather(sound, process.store, stores=stores, links=links, notes=notes)


def _left_out(report: Report) -> Iterator[str]:
    """Give a note where something is wrong, with the pipelines that are left out for it."""
    if report.errors:
        broken = sorted(one.file.config.name for one in report.checked if one.broken)
        names = f" in {', '.join(broken)}" if broken else ""
        several = "problems" if len(report.errors) > 1 else "problem"
        yield (
            f"{len(report.errors)} {several}{names}; what can't be read is left out; "
            f"{command('validate')} lists them"
        )


def pages_of(services: Services | None) -> Callable[[Pipeline], Iterator[Link]]:
    """Return what gives the pages of a platform's services about a pipeline."""
    at = {
        name: str(service["url"]).rstrip("/")
        for name, service in (services.by_name if services else {}).items()
        if str(service["url"]).startswith(("http://", "https://"))
    }

    def links(pipeline: Pipeline) -> Iterator[Link]:
        plans = [*pipeline.plans.values()]
        if services:
            yield from (link for plan in plans for link in _on_target(plan, services))
        if "mlflow" in at and plans[0].model:
            page = f"#/models/{quote(plans[0].model.name, safe='')}"
            yield Link("MLflow", f"{at['mlflow']}/{page}")
        if "prometheus" in at:
            query = {"g0.expr": f'{{job="atlas", pipeline="{plans[0].name}"}}', "g0.tab": "1"}
            yield Link("Prometheus", f"{at['prometheus']}/graph?{urlencode(query)}")

    return links


def _on_target(plan: Plan, services: Services) -> Iterator[Link]:
    """Give the page of what stands for a Plan on its target, or else the one that lists all."""
    target = target_named(plan.target) if plan.target != LOCAL_TARGET else None
    if target is None or target.deployed is None:
        return
    name = deployed_name(plan)
    try:
        operations = target.deployed.operations()
        inputs = {**services.addresses(target.deployed.name), "members": {name: {}}}
        page = operations.pages(inputs).get(name) or operations.front_page(services)
    except AtlasError:
        return
    if page:
        yield Link(f"{plan.flow} on {target.title}", page)


def _services(project: Project, environment: str) -> Services | None:
    """Return an Environment's services; None where it has no platform, or it was never up."""
    try:
        return services_of(project, load_environment(project, environment))
    except AtlasError:
        return None


def _stores(project: Project, main: str, notes: list[str]) -> Iterator[Store]:
    """Give the stores of the other Environments; one that can't be found is a note."""
    for name in environments(project):
        if name == main:
            continue
        try:
            environment = load_environment(project, name)
            if environment.platform or environment.outputs:
                yield open_store(services_of(project, environment).store)
        except AtlasError as error:
            notes.append(f"Environment {name}: {error}")
