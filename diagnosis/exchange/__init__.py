"""What hospitals' systems read: FHIR R4 resources and DICOM objects of a record.

Imports records and below; nothing here changes anything.
"""
