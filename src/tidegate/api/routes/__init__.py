"""The routes: one handler an endpoint, and the pages. The table that lists them is `api/table.py`."""
