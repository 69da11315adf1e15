"""Compare queries with the gallery in blocks, and collect the best identities of each query."""
