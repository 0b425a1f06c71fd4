"""Speaking to an API server of Kubeflow Pipelines."""

from atlas.targets.kubeflow.server.api import Api
from atlas.targets.kubeflow.server.clock import line_of
from atlas.targets.kubeflow.server.publishing import publish

__all__ = ["Api", "line_of", "publish"]
