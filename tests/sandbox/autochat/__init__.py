"""The AutoChat sandbox against its contract."""
