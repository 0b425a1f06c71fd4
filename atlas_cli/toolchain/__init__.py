"""What Atlas needs of a machine: found, shown, and got where it can be.

Python's standard library alone: set-up runs it before anything is installed, with
``python -m atlas_cli.toolchain`` at the root of the tree.
"""
