"""Tracking: model registries, promotion, and metrics on their way to MLflow and Prometheus.

This imports none of its modules: a run that tracks nothing has no use for most of them.
"""
