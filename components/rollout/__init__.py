"""Publishes a validated policy and writes the autoscaler objects that follow it."""
