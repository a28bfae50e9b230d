"""Turns what a MultidimPodAutoscaler's status recommends into replicas and pod resources."""
