"""The engine: changes become operations, operations are claimed, merged with what the CRM has, written and settled.

Nothing here imports flask, rq or redis: functions get the `Sync` they work for.
"""
