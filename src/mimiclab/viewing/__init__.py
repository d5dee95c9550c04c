"""What people look at: videos, plots, reports, the browser viewer."""
