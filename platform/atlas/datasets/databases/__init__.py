"""Tables and queries of databases, through SQLAlchemy: values are bound, never put into a text.

A database's URL is a secret. Errors have neither it nor its password. What is written is written in
one transaction, in PostgreSQL, MySQL, MariaDB and SQLite after whoever else writes the table.
"""
