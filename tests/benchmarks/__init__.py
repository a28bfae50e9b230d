"""Benchmarks: `python -m tests.benchmarks.NAME [--quick]`; a table, then one line of JSON."""
