"""The vendors' own clients against the sandbox."""
