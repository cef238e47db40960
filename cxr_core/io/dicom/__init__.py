"""DICOM in: decoding, windows, polarity, and what may be shown of a header.

pydicom is imported by the first DICOM file, never by a picture.
"""
