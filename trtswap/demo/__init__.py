"""Rendered people whose truth is known: pictures and clips with landmarks, masks and the true swap."""
