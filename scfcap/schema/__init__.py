"""One frozen schema per kind of model file, and the only reader of them."""
