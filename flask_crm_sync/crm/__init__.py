"""The CRMs: what an adapter is, the one HTTP client, and a folder for each CRM."""
