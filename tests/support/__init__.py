"""What several tests share: seeded weights, small models, clips, videos."""
