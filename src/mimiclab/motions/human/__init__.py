"""Motion of people: skeletons, landmarks and the files they come in."""
