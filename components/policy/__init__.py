"""What serves, without torch: the rule family, its search, and the exported meta-policy."""
