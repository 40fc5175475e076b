"""Results to tables, the run folder, the workbook."""
