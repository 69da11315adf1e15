"""A drawn stand-in for the AnimalCLEF folders, at their true size or in miniature, and what runs on it cost."""
