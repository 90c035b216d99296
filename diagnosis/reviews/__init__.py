"""Doctors: their queue, their verdicts, and what the program learns from them.

Imports records and language. One review: queue_page, page, claims, verdicts, mails.
"""
