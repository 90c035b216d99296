"""What hospitals' systems read: FHIR R4 resources and DICOM objects of a record.

Nothing here changes anything.
"""
