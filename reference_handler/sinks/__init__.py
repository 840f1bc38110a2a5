"""Sinks: where the effect of a message goes. The seam is in `sink.py`."""
