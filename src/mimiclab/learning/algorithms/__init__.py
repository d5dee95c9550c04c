"""What a network learns from a rollout: PPO, imitation of teachers and of recordings, distillation."""
