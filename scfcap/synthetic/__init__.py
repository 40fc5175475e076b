"""The synthetic platform."""
