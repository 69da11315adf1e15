"""The conformance kit: checks that every method must pass, each with a name, a reason and a remedy.

The complete test file of a plugin::

    from reidbench.testing import conformance_tests

    test_stripes = conformance_tests("stripes")

torch is imported only if the method imports it, pytest only by :func:`conformance_tests`.
"""

from reidbench.testing.check import Check, Outcome
from reidbench.testing.examination import (
    CHECKS,
    Examination,
    MethodFailsChecks,
    check_method,
    conformance_tests,
    examine,
)

__all__ = [
    "CHECKS",
    "Check",
    "Examination",
    "MethodFailsChecks",
    "Outcome",
    "check_method",
    "conformance_tests",
    "examine",
]
