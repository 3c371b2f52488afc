"""The network in the page: kernels, engine and laboratory, and what packs them into one script."""
