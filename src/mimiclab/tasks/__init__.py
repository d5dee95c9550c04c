"""Tasks: functions that return an mjlab environment configuration."""
