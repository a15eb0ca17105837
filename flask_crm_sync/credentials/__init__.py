"""Credentials: signing in by OAuth, and tokens that stay fresh, one renewal at a time."""
