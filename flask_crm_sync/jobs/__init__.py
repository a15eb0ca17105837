"""Redis carries wake-ups, rq-scheduler rings the bell, RQ runs the jobs. What is owed is in the database alone."""
