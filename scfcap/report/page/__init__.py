"""A run as one HTML file that needs no network: figures, interactive charts, every table."""

from scfcap.report.page.build import build_page

__all__ = ["build_page"]
