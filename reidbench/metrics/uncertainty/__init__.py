"""Uncertainty of metrics: intervals, paired differences, tests, ranks and variance components.

The unit is the animal, not the image. Predictions for photographs of one animal are alike, so an interval over images
is too narrow. BAKS and BAUS are means of rates of animals, so most functions take
:class:`~reidbench.metrics.uncertainty.rates.IdentityRates`.
"""
