"""Examples of every command: what each is for, and the call. A test parses all of them."""

from __future__ import annotations

Example = tuple[str, str]

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "init": (
        ("a project with a pipeline that works, in the folder churn", "atlas init churn"),
        ("one more pipeline in a project", "atlas init pipelines/prices --name prices"),
        ("the stages of CI", "atlas init --github"),
    ),
    "import": (
        ("a project of Kedro, into a new folder", "atlas import kedro ../kedro-churn --to churn"),
        ("one DAG of a file", "atlas import airflow dags/etl.py --dag etl_daily --to etl"),
        ("a pipeline of Elyra", "atlas import elyra weather.pipeline --to weather --name weather"),
    ),
    "validate": (
        ("all pipelines below this folder", "atlas validate"),
        ("as production sees one of them", "atlas validate pipelines/churn --env production"),
        ("what a preview of Pulumi would make, by the policies", "atlas validate --policy p.json"),
    ),
    "plan": (
        ("what training would run", "atlas plan pipelines/churn --flow training"),
        ("all of it, for a program", "atlas plan pipelines/churn --json"),
    ),
    "graph": (
        ("a picture in the terminal", "atlas graph pipelines/churn"),
        ("a page", "atlas graph pipelines/churn --out churn.html"),
        ("what changed since a commit", "atlas graph pipelines/churn --diff HEAD~1"),
    ),
    "list": (
        ("what there is", "atlas list"),
        ("what a branch changes", "atlas list --changed-since origin/main"),
        ("what is deployed where", "atlas list --stacks"),
    ),
    "test": (
        ("the tests of every pipeline", "atlas test"),
        ("some of one pipeline's", "atlas test pipelines/churn -k features --strict"),
    ),
    "run": (
        ("all of a pipeline, steps that are known from the cache", "atlas run pipelines/churn"),
        ("one step, once more", "atlas run pipelines/churn --only train --no-cache"),
        ("one step under a debugger", "atlas run pipelines/churn --only train --debug"),
        ("with another parameter", "atlas run pipelines/churn --set trees=200"),
        ("go on where it failed", "atlas run pipelines/churn --resume"),
    ),
    "train": (
        ("where the environment says", "atlas train pipelines/churn --env staging"),
        ("on Kubeflow, with logs", "atlas train pipelines/churn --target kubeflow --logs"),
    ),
    "start": (
        ("a batch, now", "atlas start pipelines/churn --env production"),
        ("the deployed training", "atlas start pipelines/churn --flow training --detach"),
    ),
    "backfill": (
        ("the last week, day by day", "atlas backfill pipelines/churn --from 7d"),
        (
            "a month's failed intervals, with the champion of each day",
            "atlas backfill pipelines/churn --from 2026-01-01 --to 2026-02-01 --reprocess failed "
            "--champion-at-interval",
        ),
    ),
    "runs": (
        ("the last ones", "atlas runs"),
        ("the best ones", "atlas runs pipelines/churn --best evaluate.roc_auc --limit 5"),
        ("their metrics, side by side", "atlas runs pipelines/churn --metrics"),
        ("why two differ", "atlas runs --compare churn/20260101-a churn/20260102-b"),
    ),
    "logs": (
        ("all steps of a run", "atlas logs training-20260101T120000-5e1629"),
        ("the third key of one step", 'atlas logs churn/training-20260101T120000-5e1629 "fit[2]"'),
    ),
    "show": (
        ("a run", "atlas show training-20260101T120000-5e1629"),
        ("rows of a table", "atlas show training-20260101T120000-5e1629/load.rows --rows 20"),
        ("a model version", "atlas show models:/churn@champion"),
    ),
    "notebook": (("its functions as steps", "atlas notebook export analysis.ipynb"),),
    "notebook export": (
        ("its functions as steps", "atlas notebook export analysis.ipynb --to churn/steps.py"),
    ),
    "artifact": (("the champion's files", "atlas artifact get models:/churn@champion"),),
    "artifact get": (
        ("the champion's files", "atlas artifact get models:/churn@champion --out model"),
        ("a figure", "atlas artifact get training-20260101T120000-5e1629/draw.loss"),
    ),
    "data": (("where data are, and what a read costs", "atlas data --env production"),),
    "cache": (("what is kept", "atlas cache show"),),
    "cache show": (("what is kept, and its size", "atlas cache show"),),
    "cache prune": (("what wasn't used for a month", "atlas cache prune --older-than 30d"),),
    "gc": (
        ("what would go", "atlas gc --dry-run"),
        ("keep the last five of each pipeline", "atlas gc --older-than 7d --keep 5"),
    ),
    "compile": (
        ("the files of both targets", "atlas compile pipelines/churn --out build"),
        ("the DAG alone", "atlas compile pipelines/churn --target airflow --out build"),
    ),
    "build": (
        ("what isn't built yet", "atlas build --env production"),
        ("lock the newest versions, and build nothing", "atlas build --lock --upgrade"),
    ),
    "images": (("what is built and what is deployed", "atlas images list"),),
    "images list": (("what is built and what is deployed", "atlas images list"),),
    "images prune": (("what nothing needs", "atlas images prune --dry-run"),),
    "preview": (
        ("what would change", "atlas preview pipelines/churn --env staging"),
        ("for a colleague to approve", "atlas preview --env staging --save plan.json"),
    ),
    "deploy": (
        ("the sources, to staging", "atlas deploy pipelines/churn --env staging"),
        ("a release, to production", "atlas deploy --release churn-v3 --env production"),
        ("what a preview showed, or nothing", "atlas deploy --plan plan.json"),
    ),
    "status": (("what runs, and what drifted from it", "atlas status --env production"),),
    "release": (
        ("what would be pinned", "atlas release pipelines/churn --env staging --dry-run"),
        ("pin and push it", "atlas release pipelines/churn --env staging -m 'New features'"),
        ("what there is", "atlas release --list"),
    ),
    "rollback": (
        ("the one before", "atlas rollback pipelines/churn --env production"),
        ("a certain one", "atlas rollback pipelines/churn --to 12 --env production"),
    ),
    "history": (("who deployed what", "atlas history pipelines/churn --env production"),),
    "refresh": (("read what is really there", "atlas refresh pipelines/churn --env staging"),),
    "destroy": (
        ("what is deployed", "atlas destroy pipelines/churn --env staging"),
        ("and everything that it has made", "atlas destroy pipelines/churn --purge"),
    ),
    "unlock": (("after an update that was killed", "atlas unlock pipelines/churn"),),
    "promote": (
        ("what the rule says of the last training", "atlas promote pipelines/churn --dry-run"),
        ("the best run there is", "atlas promote pipelines/churn --best"),
    ),
    "champion": (
        ("which one, and why", "atlas champion pipelines/churn"),
        ("which one it was", "atlas champion pipelines/churn --at 2026-01-31"),
    ),
    "card": (
        ("of the champion", "atlas card churn"),
        ("of a version, as a page", "atlas card churn --version 3 --out cards --html"),
    ),
    "lineage": (
        ("what a model came of", "atlas lineage churn@champion --up"),
        ("what a file has gone into, drawn", "atlas lineage data/customers.csv --html tree.html"),
    ),
    "reproduce": (
        ("does the training give the same?", "atlas reproduce churn@champion"),
        ("nearly the same", "atlas reproduce churn@3 --tolerance evaluate.roc_auc=0.001"),
    ),
    "monitor": (
        ("do triggers fire?", "atlas monitor pipelines/churn"),
        ("would they, after a shift of half a deviation?",
         "atlas monitor pipelines/churn --replay --shift price=0.5sd@10 --batches 30"),
    ),
    "retrain": (
        ("what would begin", "atlas retrain --dry-run"),
        ("because you say so", "atlas retrain pipelines/churn --reason 'New prices'"),
    ),
    "approve": (
        ("let it begin", "atlas approve pipelines/churn 3f2a"),
        ("decline it", "atlas approve pipelines/churn 3f2a --reject --reason 'A strike'"),
    ),
    "up": (
        ("the platform of this machine", "atlas up"),
        ("one for a single command", "atlas up --ephemeral --services mlflow -- pytest tests"),
    ),
    "down": (("its data stay", "atlas down"), ("nothing stays", "atlas down --purge")),
    "outputs": (
        ("where everything is", "atlas outputs"),
        ("a password", "atlas outputs mlflow --secret"),
    ),
    "open": (
        ("MLflow, with its password at hand", "atlas open mlflow"),
        ("the catalogue", "atlas open catalog"),
    ),
    "doctor": (
        ("what is there, what is missing", "atlas doctor"),
        ("does a platform do what work on it needs?", "atlas doctor --stack local"),
    ),
    "catalog": (
        ("a site in a folder", "atlas catalog --out site"),
        ("on this machine", "atlas catalog --serve"),
    ),
}  # fmt: skip
"""Command → its examples: what for, and the call as it is typed."""
