"""What saved runs say: the ranking of methods and how it is printed. Nothing here needs a model."""
