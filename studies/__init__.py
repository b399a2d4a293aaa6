"""What was measured or built once: not installed. `python -m studies.NAME` from a copy of the repository."""
