"""Telemetry frames of many workloads from a Prometheus: client, queries, assembling."""
