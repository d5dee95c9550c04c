"""mimiclab: motion capture in, a policy that a robot can run out."""

__version__ = "0.1.0"
