"""How sure a number is: resampled animals, paired differences, tests, ranks, and where variance comes from.

The unit is the animal, never the image: photographs of one animal are answered alike, and an interval over
images is too narrow. BAKS and BAUS are means of per-animal rates, so everything starts from
:class:`~reidbench.metrics.uncertainty.rates.IdentityRates`.
"""
