"""Docker tasks: each step in a container of its image, beside Airflow's worker.

The container sees the store, and the data that the step reads or writes, at the same paths, and
runs as the worker's user. Where the platform is, and secrets, it gets from the worker when it
starts: neither the file nor Airflow's database has them. The files that open the platform's
services are there at the same paths, to be read only. The containers of a monitor alone learn
where training is started, and given what opens that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.http.variables import ADDRESSES, CREDENTIALS, STORE
from atlas.targets.airflow.kind import Arguments, TaskKind, image_of, secrets_of, variables
from atlas.targets.airflow.literals import mapping, sequence, source
from atlas.targets.monitors import ADDRESSES as ORCHESTRATORS
from atlas.targets.monitors import CREDENTIALS as OPENING
from atlas.targets.monitors import SETTINGS
from atlas.targets.protocol import secret_variable
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep

_CONSTANTS = f"""
COMMAND = ["python", "-m", "atlas.step"]
ONE = [*COMMAND, "--no-finish"]
SEEN = ("ATLAS_PROJECT",)
CREDENTIALS = ({", ".join(map(source, CREDENTIALS.values()))})
PLATFORM = ({", ".join(map(source, (STORE, *ADDRESSES.values())))}, *CREDENTIALS)
"""
_CLASS = '''

class Step(DockerOperator):
    """Runs a step in its image; what differs from place to place comes from the worker."""

    def __init__(self, *, folders=(), secrets=(), **options):
        """Take the folders that the step sees besides the store, and its secrets' variables."""
        super().__init__(auto_remove="force", mount_tmp_dir=False, **options)
        self.folders, self.secrets = folders, secrets

    def execute(self, context):
        """Run the container; give what a task that counts keys has printed."""
        here = os.environ
        known = {name: here[name] for name in PLATFORM if name in here}
        given = {name: here[of] for name, of in dict(self.secrets).items() if of in here}
        self._private_environment = {**known, **given}
        store = known.get("ATLAS_STORE", "")
        is_folder = store.startswith("file://")
        folders = {*self.folders, *([unquote("/" + store.split("/", 3)[3])] if is_folder else [])}
        folders |= {self.environment[name] for name in SEEN if name in self.environment}
        self.mounts = [{"type": "bind", "source": f, "target": f} for f in sorted(folders)]
        files = [known[name] for name in CREDENTIALS if os.path.isfile(known.get(name, ""))]
        self.mounts += [
            {"type": "bind", "source": f, "target": f, "read_only": True} for f in files
        ]
        registry = here.get("ATLAS_REGISTRY", "")
        self.image = self.image.replace("$ATLAS_REGISTRY/", f"{registry}/" if registry else "")
        if "ATLAS_IMAGE" in self.environment:
            self.environment = {**self.environment, "ATLAS_IMAGE": self.image}
        self.user = f"{os.getuid()}:{os.getgid()}"
        self.network_mode = here.get("ATLAS_CONTAINER_NETWORK", "host")
        printed = super().execute(context)
        return json.loads(printed) if self.do_xcom_push else None
'''
_FUNCTIONS = '''

def step(name, env=None, **options):
    """Run a step in a container."""
    env = {**RUN, **(env or {}), "ATLAS_IMAGE": options["image"]}
    return Step(task_id=name, command=ONE, environment=env, do_xcom_push=False, **options)


def finish(name, env=None, **options):
    """Record how the run ended, whatever became of its steps; the run fails if this does.

    For a back-fill's run it is skipped in the end, so that its asset tells of nothing new.
    """
    env = {**RUN, **(env or {}), "ATLAS_STEP": name}
    command = [*COMMAND, "--finish", "--if-failed", "1", "--if-backfill", "99"]
    task = Step(
        task_id="_finish",
        command=command,
        environment=env,
        do_xcom_push=False,
        skip_on_exit_code=99,
        **END,
        **options,
    )
    return task.as_teardown(on_failure_fail_dagrun=True)
'''
_EACH = '''

def each(name, env=None, **options):
    """Count a step's keys, then run the step once per key."""
    env = {**RUN, **(env or {}), "ATLAS_IMAGE": options["image"]}
    count = {**env, "ATLAS_STEP": "{{ task.task_id[:-5] }}"}
    command = [*COMMAND, "--keys"]
    keys = Step(task_id=f"{name}.keys", command=command, environment=count, **options)
    one = Step.partial(task_id=name, environment=env, do_xcom_push=False, **options)
    return keys, one.expand(command=keys.output.map(at))


def at(index):
    """Return the command for one key."""
    return [*ONE, "--index", f"{index:d}"]
'''
_WHEN = '''

def when(name, **options):
    """Tell whether a step runs; where it doesn't, this is skipped, and the step with it."""
    env = {**RUN, "ATLAS_STEP": "{{ task.task_id[:-5] }}", "ATLAS_IMAGE": options["image"]}
    command = [*COMMAND, "--when", "--if-skipped", "99"]
    return Step(
        task_id=f"{name}.when",
        command=command,
        environment=env,
        do_xcom_push=False,
        skip_on_exit_code=99,
        trigger_rule="none_failed",
        **END,
        **options,
    )
'''

_STARTING = (*ORCHESTRATORS.values(), *(name for of in SETTINGS.values() for name in of.values()))
"""What only tasks of a monitor know: where training is started."""
_PLATFORM = (STORE, *ADDRESSES.values(), *_STARTING, *CREDENTIALS.values(), *OPENING.values())
_MONITOR_CONSTANTS = f"""
COMMAND = ["python", "-m", "atlas.retraining"]
SEEN = ()
CREDENTIALS = {sequence((*CREDENTIALS.values(), *OPENING.values()))}
PLATFORM = {sequence(_PLATFORM)}
"""
_MONITOR = '''

def check(variables):
    """Look at each pipeline; give the names of those for which a retraining is due."""
    task = Step.partial(
        task_id="check",
        image=IMAGE,
        command=[*COMMAND, "check"],
        map_index_template="{{ task.environment['ATLAS_MEMBER'] }}",
        **TRIES,
    )
    return task.expand(environment=variables)


def retrain(variables):
    """Start what is due for each pipeline, or go on with it."""
    task = Step.partial(
        task_id="retrain",
        image=IMAGE,
        command=[*COMMAND, "retrain"],
        do_xcom_push=False,
        map_index_template="{{ task.environment['ATLAS_MEMBER'] }}",
        **TRIES,
    )
    return task.expand(environment=variables)
'''


def _arguments(plan: Plan, step: PlanStep, images: Mapping[str, str]) -> Arguments:
    """Return what the container of a step differs in."""
    made = {"image": image_of(plan, step, images), **variables(plan, step)}
    asked = step.resources
    if asked.cpu is not None:
        made["cpus"] = source(float(asked.cpu))
    if asked.memory is not None:
        made["mem_limit"] = source(asked.memory)
    if asked.gpu:
        request = source({"Driver": "nvidia", "Count": asked.gpu, "Capabilities": [["gpu"]]})
        made["device_requests"] = f"[{request}]"
    folders = sorted({*_folders(plan, step), *_secret_files(plan, step)})
    if folders:
        made["folders"] = sequence(folders)
    given = {
        secret_variable(name): source(place["variable"])
        for name, place in secrets_of(plan, step, "variable")
    }
    return made | ({"secrets": mapping(given)} if given else {})


def _folders(plan: Plan, step: PlanStep) -> list[str]:
    """Return the folders of this machine that the step reads or writes data in, or models from."""
    reads_model = any(s.kind in ("model", "challenger") for s in step.sources())
    stores = plan.stores if reads_model else ()
    own = [f"{path_of(url)}/" for url in stores if is_file_uri(url)]
    names = [source.name for source in step.sources() if source.kind == "data"]
    uris = [plan.data[name].uri for name in names]
    paths = [(uri, path_of(uri)) for uri in uris if is_file_uri(uri)]
    data = [f"{path}/" if uri.endswith("/") else f"{path.parent}" for uri, path in paths]
    return [*own, *data]


def _secret_files(plan: Plan, step: PlanStep) -> list[str]:
    return [place["file"] for _, place in secrets_of(plan, step, "file")]


DOCKER = TaskKind(
    name="docker",
    standard=("import json", "import os"),
    each_standard=(),
    airflow=("from airflow.providers.docker.operators.docker import DockerOperator",),
    functions=_CONSTANTS + _CLASS + _FUNCTIONS,
    each=_EACH,
    when=_WHEN,
    arguments=_arguments,
    monitor=_MONITOR_CONSTANTS + _CLASS + _MONITOR,
)
"""Each step in a container beside Airflow's worker."""
