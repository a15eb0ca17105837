"""Tiny CRM: an adapter as another package would bring it."""
