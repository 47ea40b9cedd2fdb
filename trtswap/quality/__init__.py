"""Judges results: figures over time, reports, thresholds. docs/quality.md defines every figure."""
