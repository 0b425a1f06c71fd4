"""Manifests of the services of others: rendered, checked against their pins, and patched.

Plain data in, plain data out: nothing here declares a resource or speaks to a cluster.
"""
