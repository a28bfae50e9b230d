"""A workload's digital twin (being written: fit by replaying the telemetry through the simulator)."""
