"""Which loan goes where at a funding date: whole loans, and how far from the best they are."""
