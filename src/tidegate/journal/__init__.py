"""The journal: the corridor every room opens onto. What matters is durable here before it has an effect.

`record` is pure (the shape of a record and its hash chain). The stores write it (`store_sqlite`, `store_memory`), `group_commit` shares
one fsync among many, `side_file` takes over for exits when the store is faulted, `verify` judges a file from end to end.
This package imports nothing by itself, so that pure rooms may import `tidegate.journal.record` without opening a file.
"""
