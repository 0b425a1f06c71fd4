"""What kinds of resources have in common: their protocol over plain data, and what they share.

A kind handles one sort of resource of a deployment, such as the DAGs of an Airflow. It knows
nothing of Pulumi: `atlas_provider` serves the kinds to its engine.
"""
