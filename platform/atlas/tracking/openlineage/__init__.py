"""OpenLineage: runs told to other catalogues, as events that are posted to their endpoint.

`events` makes them from what the store has of a run, `datasets` what they say of data, `naming` the
names and ids in them. `outbox` keeps what isn't taken yet, `receiver` posts it. The client that
events are made with is an extra: only `events` and `datasets` need it.
"""
