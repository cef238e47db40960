"""Measuring readings against labels."""
