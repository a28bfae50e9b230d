"""The names that this product puts on Kubernetes objects."""

from __future__ import annotations

PREFIX = "aware.autoscaling"

GROUP = "autoscaling.k8s.io"
VERSION = "v1alpha1"
KIND = "MultidimPodAutoscaler"
PLURAL = "multidimpodautoscalers"
# Who decides on a MultidimPodAutoscaler: its spec's recommenders[].name.
RECOMMENDER = "aware"
MANAGED_BY = {"app.kubernetes.io/managed-by": "aware"}

# The services: their Leases, and the source of their Events.
RECOMMENDER_SERVICE = "aware-recommender"
ACTUATOR_SERVICE = "aware-actuator"

# On a MultidimPodAutoscaler. The phase is the word of a person or of the rollout: INCUMBENT stops
# the policy at once, also while no recommender runs; its own way up is the recommender's business.
PHASE_ANNOTATION = f"{PREFIX}/phase"
PAUSE_ANNOTATION = f"{PREFIX}/pause"
MAINTENANCE_ANNOTATION = f"{PREFIX}/maintenance-windows"
EVICT_ANNOTATION = f"{PREFIX}/evict"

# On a Deployment while its template and its ReplicaSet are being brought in step: a label, so that
# one query finds what an interrupted actuator left behind.
IN_STEP_LABEL = f"{PREFIX}/template-in-step"

# On a pod template that has to be rolled out although nothing else in it changed.
RESIZED_ANNOTATION = f"{PREFIX}/resized"

# Why RecommendationProvided is true: who decided what stands in the status.
REASON_POLICY = "PolicyDecided"
REASON_INCUMBENT = "IncumbentDecided"
REASON_HELD = "HeldLastGood"

# Whether the policy acts: true in CANARY and LIVE; the reason is the phase.
POLICY_ACTING = "PolicyActing"
