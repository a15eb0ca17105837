"""Engines that review a conversation: what a reviewer is, and the one for OpenAI-compatible endpoints."""
