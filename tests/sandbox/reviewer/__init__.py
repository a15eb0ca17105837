"""Tests of the sandbox's AI reviewer."""
