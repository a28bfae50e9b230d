"""Policy bundles and the stores that keep them: a local folder, or MinIO."""
