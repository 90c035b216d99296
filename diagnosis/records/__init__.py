"""One sitting, of one picture or several: checked, stored, assessed, described, shown.

From upload to answer: forms or api, uploads, claims, assessments, views.
"""
