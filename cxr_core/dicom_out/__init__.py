"""DICOM out: a film with a map on it as Secondary Capture, and what the systems say as an SR.

highdicom is imported by the first object that is written, never by a reading.
"""
