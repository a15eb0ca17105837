"""Qualification in two stages: rules during the conversation, a review a day later, and people above both."""
