"""Helpers of several tests: seeded weights, small models, clips, videos."""
