"""Several trainings in a row, each measured by the same protocol."""
