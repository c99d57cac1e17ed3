"""Equality."""
