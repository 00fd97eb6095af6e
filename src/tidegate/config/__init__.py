"""Config: the operator's one file, read exactly, checked completely, tightened only.

In: `config/tactical_scalp_config.json` (JSON with comments). Out: `Settings`, from which `Limits`, strategy parameters, bands and paper
settings are taken. Read in this order: `jsonc` (text to tree with lines) -> `schema` with `schema_limits`, `schema_strategies`, `fields`
(what may stand there) -> `ceilings` (how loose it may be) -> `rules` (what must hold between keys) -> `load` (the only one that opens a
file) -> `settings`. `problems` words errors; `show` says where values came from; `economics` what a bracket is worth.
"""
