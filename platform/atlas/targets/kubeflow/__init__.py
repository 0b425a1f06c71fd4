"""The Kubeflow target: a Plan as KFP v2 IR, kept on an API server or in the artifact store."""

from atlas.targets.kubeflow.descriptor import TARGET

__all__ = ["TARGET"]
