"""Stage: telemetry of all workloads, from a folder or a Prometheus, with a quality report."""
