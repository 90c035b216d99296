"""Doctors: their queue, their verdicts, and what the program learns from them.

One review: queue_page, claims, page, verdicts.
"""
