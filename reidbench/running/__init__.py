"""One run, from images to its record, or a saved run opened again."""
