"""The sandbox: what it serves, what it refuses, and how it goes wrong on purpose."""
