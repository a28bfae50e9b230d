"""From an HPA, a VPA or a KEDA ScaledObject to a MultidimPodAutoscaler with the same bounds."""
