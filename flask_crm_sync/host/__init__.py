"""The host's side: which models are clients and conversations, what happens to them, who is asking."""
