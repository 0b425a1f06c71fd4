"""Data sets: files of every format, folders of parts, databases; read, written and checked.

Each module is imported where it is used: a run that reads no data loads none of the formats.
"""
