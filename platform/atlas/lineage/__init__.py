"""Lineage: from a prediction back to the commit, and from a commit on to all that came of it.

Nothing is recorded here. What runs, models, decisions, deployments, releases and git have recorded
is read, each link is checked against what else says the same, and what doesn't fit is named.
"""
