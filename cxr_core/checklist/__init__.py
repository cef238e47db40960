"""Reporting checklists, filled from what a bundle holds; what is not filled is shown as such."""
