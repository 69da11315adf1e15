"""Leaderboards from saved runs: rows, ranks, intervals and curves; no model is needed."""
