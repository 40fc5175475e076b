"""Who holds which loan since when: holdings, deliveries and what was received, in one database."""
