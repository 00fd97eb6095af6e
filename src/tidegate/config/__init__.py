"""Config: the operator's one file, read exactly, checked completely, tightened only.

In: `config/tactical_scalp_config.json` (JSON with comments). Out: `Settings`, from which `Limits`, strategy parameters, bands and paper
settings are taken. `jsonc fields schema ceilings addresses rules` are pure; `load` reads the file; `show` says where each value came from.
"""
