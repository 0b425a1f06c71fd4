"""What Atlas needs of a machine: found, shown, and got where it can be.

Python's standard library alone: set-up runs it before anything is installed, with
``python platform/atlas_toolchain`` at the root of the tree.
"""
