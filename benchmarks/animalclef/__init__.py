"""Draw a copy of an AnimalCLEF folder, at its true size or in miniature, and measure ``run`` and ``submit`` on it."""
