"""How many queries and identities there are, and how many errors of each kind."""

from __future__ import annotations

import numpy as np

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.spec import MetricSpec, Queries


def _misidentified(queries: Queries) -> int:
    named = queries.known & (queries.predicted != NEW_IDENTITY)
    return int((named & (queries.predicted != queries.true)).sum())


N_QUERIES = MetricSpec("n_queries", "queries", "number of queries", (), len)
N_KNOWN = MetricSpec(
    "n_known",
    "known",
    "number of known queries",
    (),
    lambda queries: int(queries.known.sum()),
    in_every_row=False,
)
N_UNKNOWN = MetricSpec(
    "n_unknown",
    "unknown",
    "number of unknown queries",
    (),
    lambda queries: int((~queries.known).sum()),
    in_every_row=False,
)
N_KNOWN_IDENTITIES = MetricSpec(
    "n_known_identities",
    "known identities",
    "number of identities among the known queries",
    (),
    lambda queries: len(np.unique(queries.code[queries.known])),
)
N_UNKNOWN_IDENTITIES = MetricSpec(
    "n_unknown_identities",
    "new identities",
    "number of animals among the unknown queries",
    (),
    lambda queries: len(np.unique(queries.code[~queries.known])),
)
FALSE_NEW = MetricSpec(
    "false_new",
    "false new",
    "number of known queries predicted as new",
    (),
    lambda queries: int((queries.known & (queries.predicted == NEW_IDENTITY)).sum()),
    lower_is_better=True,
    in_every_row=False,
)
MISIDENTIFIED = MetricSpec(
    "misidentified",
    "wrong identity",
    "number of known queries predicted as another animal",
    (),
    _misidentified,
    lower_is_better=True,
    in_every_row=False,
)
FALSE_MATCH = MetricSpec(
    "false_match",
    "false match",
    "number of unknown queries predicted as a known animal",
    (),
    lambda queries: int((~queries.known & (queries.predicted != NEW_IDENTITY)).sum()),
    lower_is_better=True,
    in_every_row=False,
)
