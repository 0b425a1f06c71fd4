"""The Airflow target: a Plan as one DAG file, deployed to a folder that a running Airflow reads."""

from atlas.targets.airflow.descriptor import TARGET

__all__ = ["TARGET"]
