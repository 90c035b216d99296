"""Web push: a person's own browser shows that a doctor has answered, and nothing more.

Off unless VAPID_KEY is set, and then off for each person until she turns it on in a browser.
As webhooks, this room knows ids only and can't import records.
"""
