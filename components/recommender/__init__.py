"""Always on: telemetry and policy to a guarded recommendation; from shadow to live and back."""
