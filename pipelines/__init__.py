"""Wiring only: the stages as two pipelines, run in Kubeflow or on this machine."""
