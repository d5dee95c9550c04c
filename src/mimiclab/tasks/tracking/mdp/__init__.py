"""mjlab terms of the tracking task: thin wrappers over pure functions."""
