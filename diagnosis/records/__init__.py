"""One uploaded picture: checked, stored, assessed, shown.

Imports moles and language. From upload to answer: forms or api, uploads, claims, assessments,
views.
"""
