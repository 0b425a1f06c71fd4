"""Reproducing a model: its training run once more from what lineage has of it, and a verdict.

Nothing is registered, promoted, delivered or pushed: what runs has a store of its own.
"""
