"""Stage: does what was learned of each workload still hold on recent telemetry?"""
