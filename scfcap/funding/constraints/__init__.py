"""One constraint family a file; each function reads like its formula."""
