"""What the daemon lets others see of itself: logs for people, metrics for machines, the audit log for afterwards.

`redact` stands before all three: a secret reaches none of them.
"""
