"""What the recommender and the actuator need from the Kubernetes API: objects and one client."""
