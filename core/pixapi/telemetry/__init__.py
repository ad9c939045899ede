"""What the process tells of itself: logs, metrics, traces. None of them holds a secret, a prompt or a
person.
"""
