"""Alerts: what the operator must hear of, said once, to whatever apprise can reach."""
