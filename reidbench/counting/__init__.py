"""What the errors of a run do to a count of animals, and what it costs a person to mend them."""
