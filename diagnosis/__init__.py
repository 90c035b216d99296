"""Moles, pictures, answers and verdicts: one app, a folder a subject.

Workers enter by tasks.py, browsers by urls.py, doctors by admin.py; queue.py is for every folder.
"""
