"""The Kubeflow target: a Plan as KFP v2 IR."""

from atlas.targets.kubeflow.target import Kubeflow

__all__ = ["Kubeflow"]
