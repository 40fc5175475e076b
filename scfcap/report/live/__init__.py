"""Deals as live formulas: what a run keeps of them, and how they become cells that move."""
