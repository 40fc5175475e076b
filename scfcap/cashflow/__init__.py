"""What the cash will do: kernels, projections, cohort factors."""
