"""A small conventional host for tests, with a real queue and a real sandbox CRM behind it, also in other processes."""
