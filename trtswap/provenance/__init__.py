"""Outputs that say what they are: signed C2PA manifests, and reading them. docs/provenance.md tells how."""
