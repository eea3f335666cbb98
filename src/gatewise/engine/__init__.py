"""The recurrence op and its executors."""
