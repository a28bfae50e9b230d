"""What is observed: quantities, SLO, bounds, workload specs and the telemetry schema."""
