"""The decision problem: observation, action, reward, simulator, twin, HPA and VPA."""
