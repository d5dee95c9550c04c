"""Tasks: functions that return an environment configuration."""
