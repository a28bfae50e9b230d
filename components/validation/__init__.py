"""The gate: is a workload's policy better than what scales it today, on data it never saw?"""
