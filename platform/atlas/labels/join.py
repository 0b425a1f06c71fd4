"""The Template that joins late labels to earlier predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from atlas.template import Template

if TYPE_CHECKING:
    from pandas import DataFrame

    from atlas.labels.spec import JoinSpec
    from atlas.template import Batch


class Labelled(NamedTuple):
    """What a `LabelJoin` gives.

    Attributes:
        rows: the predictions that have a label, with it.
        labels: the labels that came or changed with this run: what later runs take as ``earlier``.
        batch_metrics: a record for each batch of predictions; the store keeps the last of each.
        counts: what was joined, left out and replaced, by name.
    """

    rows: DataFrame
    labels: DataFrame
    batch_metrics: list[dict[str, Any]]
    counts: dict[str, int]


class LabelJoin(Template):
    """Joins labels to predictions of earlier runs, and measures the model batch by batch.

    A batch is what one run has predicted; of several runs of one interval the last one counts.
    Override `measure` for metrics of your own. Recorded are the metrics of the newest batch that
    has labels enough, and what was counted.

    Attributes:
        key: columns of both tables that say which thing a row is about.
        label: column of the labels with what really was.
        prediction: column of the predictions with the predicted class or number.
        score: column of the predictions with the probability of the positive class.
        positive: the label of the positive class, for metrics of scores.
        metrics: ``accuracy``, ``log_loss``, ``brier_score``, ``roc_auc``, ``mae``, ``mse``,
            ``rmse``, ``bias``; others of ``sklearn.metrics`` where scikit-learn is installed.
        slices: columns of the predictions by whose values metrics are given as well.
        time: column of the predictions with the time that they are about; without one, the start
            of their batch's interval.
        label_time: column of the labels with the time that they are about; without one, keys alone
            decide.
        tolerance: how far the two times may be apart, such as ``2h``.
        direction: whether a label's time is the ``nearest``, or lies ``forward`` or ``backward``
            of the prediction's.
        timezone: zone of label times that have no offset.
        prediction_timezone: the same for the column ``time``.
        ambiguous: what a local time stands for that comes twice when clocks are set back:
            ``earlier``, ``later``, or ``error``.
        duplicates: which of several labels of one delivery counts for the same key and time:
            ``last``, ``first``, or ``error`` where they differ.
        version: column of the predictions with the model's version, where they have it.
        least: how many labels a batch needs to be measured.
    """

    key: list[str]
    label: str
    prediction: str = ""
    score: str = ""
    positive: int | str = 1
    metrics: list[str] = []  # noqa: RUF012 - each step gets a copy
    slices: list[str] = []  # noqa: RUF012
    time: str = ""
    label_time: str = ""
    tolerance: str = "0s"
    direction: Literal["nearest", "forward", "backward"] = "nearest"
    timezone: str = "UTC"
    prediction_timezone: str = "UTC"
    ambiguous: Literal["earlier", "later", "error"] = "earlier"
    duplicates: Literal["last", "first", "error"] = "last"
    version: str = "model_version"
    least: int = 1

    def run(
        self,
        predictions: list[Batch[DataFrame]],
        labels: DataFrame,
        earlier: list[Batch[DataFrame]] | None = None,
    ) -> Labelled:
        """Join, count and measure.

        Args:
            predictions: ``history:NAME/step.output``: the batches in the step's window.
            labels: the labels that came with this run, or all of them.
            earlier: ``history:NAME/step.labels`` of this very step: what came before.

        Raises:
            AtlasError: a column is missing or of another type, or a time can't be read.
        """
        from atlas.labels.joining import join

        joined = join(self._spec(), predictions, labels, earlier or [], self)
        for message in joined.warnings:
            self.context.logger.warning(message)
        for name, value in joined.metrics.items():
            self.context.metric(name, value)
        return Labelled(joined.rows, joined.labels, joined.batches, joined.counts)

    def measure(self, rows: DataFrame) -> dict[str, float]:
        """Return further metrics of rows that have labels; by default, none.

        Args:
            rows: of one batch, one model version in it, or one slice.
        """
        return {}

    def _spec(self) -> JoinSpec:
        from atlas.labels.spec import JoinSpec

        named = {name: getattr(self, name) for name in JoinSpec.__dataclass_fields__}
        return JoinSpec(**{**named, "key": tuple(self.key), "slices": tuple(self.slices)})
