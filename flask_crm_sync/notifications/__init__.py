"""Notifications: what happened becomes messages, and messages reach people through the channels they chose."""
