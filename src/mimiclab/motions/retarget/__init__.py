"""From the motion of a person, or of another robot, to the motion of a robot."""
