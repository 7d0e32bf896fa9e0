"""Simulated worlds: objects, sensor, rollouts, the judge, and the twin. Imports only ddg_core."""
