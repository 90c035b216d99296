"""Webhooks: a person's program hears that a record was assessed or reviewed, and nothing more.

This room knows ids only. It lies below records and can't import them, so that no medical content
gets into a message.
"""
