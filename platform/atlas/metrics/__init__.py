"""What Atlas measures: the table of its Prometheus metrics, and how samples of them are written.

It imports none of its modules: a step without a Pushgateway has no use for them.
"""
