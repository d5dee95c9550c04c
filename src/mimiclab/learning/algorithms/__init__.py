"""What a network learns from a rollout: PPO, imitation of teachers or recordings, distillation."""
