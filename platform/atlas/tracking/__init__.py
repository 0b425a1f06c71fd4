"""Tracking: model registries, promotion, and metrics on their way to MLflow and Prometheus."""

from atlas.tracking.mlflow import Mlflow
from atlas.tracking.promotion import Promotion, promote
from atlas.tracking.pushgateway import push, pushes
from atlas.tracking.registry import (
    CHAMPION,
    METRICS,
    PARTS,
    LocalRegistry,
    Registration,
    Registry,
    Version,
    resolve,
)

__all__ = [
    "CHAMPION",
    "METRICS",
    "PARTS",
    "LocalRegistry",
    "Mlflow",
    "Promotion",
    "Registration",
    "Registry",
    "Version",
    "promote",
    "push",
    "pushes",
    "resolve",
]
