"""Choose thresholds with a policy, also for a closed set, and guard against a threshold that decides nothing.

A threshold that accepts all calibration queries, or rejects all, scores 0 there. The guard replaces it by the threshold
with the best calibration score among those that accept some queries and reject others. The guard looks at the queries
that a threshold was chosen for: all together if all groups share one threshold, else each group that has known and
unknown queries. Some thresholds stay as they are, with a note:

- ``fixed`` is the user's own number.
- A policy that bounds the rate of accepted new animals (``conformal``, ``fpir``) may reject everything, because a lower
  threshold could break the bound. A threshold that accepts everything is replaced: a higher one keeps the bound.
- If all queries have the same score, no other threshold is possible.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reidbench.data.sides import ANY, MatchSides
from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.matching.pooling import IMAGE
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Policy, Thresholds
from reidbench.thresholds.fixed import Fixed
from reidbench.thresholds.max_score import highest_separating
from reidbench.thresholds.scoped import SHRINK_AT, ScopedPolicy, n_identities


def check_policy_suits(policy: Policy, query: str, where: str, match_sides: MatchSides = ANY) -> None:
    """Check that a policy can choose a threshold for queries of this unit.

    Args:
        policy: The policy.
        query: ``image``, ``encounter:best`` or ``encounter:mean``.
        where: The options, for the error.
        match_sides: Whether images of ``any`` side are compared, or only those of the ``same`` side.

    Raises:
        ReidbenchError: The policy needs the gallery matched with itself, and the queries are encounters or only images
            of the same side are compared.
    """
    if policy.needs_gallery and (query != IMAGE or match_sides != ANY):
        reason = "the queries are encounters" if query != IMAGE else "only photographs of the same side are compared"
        raise ReidbenchError(
            f"the policy '{policy.text}' needs the gallery matched with itself image by image, and {reason}",
            where=where,
            remedy="choose a policy that uses calibration queries: --threshold max-score",
        )


def choose_thresholds(policy: Policy, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
    """Choose thresholds on the calibration queries.

    In a closed set there is no animal to reject, so every best candidate is accepted, whatever the policy. In an open
    set the thresholds neither accept nor reject all calibration queries; see the module.

    Args:
        policy: The threshold policy.
        answers: The calibration queries with their candidates.
        gallery: The gallery trials, if the run made them.

    Returns:
        The thresholds, with a note for each one that the guard replaced or would have replaced.

    Raises:
        ReidbenchError: The calibration queries lack something that the policy needs.
    """
    if answers.known.all():
        accept_all = Fixed(-math.inf).choose(answers)
        note = "the calibration part has no new animals: every best candidate is accepted"
        return dataclasses.replace(accept_all, notes=(*accept_all.notes, note))
    return _guarded(policy, policy.choose(answers, gallery), answers)


def _guarded(policy: Policy, chosen: Thresholds, answers: Answers) -> Thresholds:
    """Replace thresholds that accept or reject every calibration query of their unit."""
    values, value = dict(chosen.values), chosen.value
    limits = chosen.limits(answers)
    notes = []
    for unit, rows in _units(chosen, answers):
        verb = _decides_nothing(answers.best_score[rows], limits[rows])
        if not verb:
            continue
        part = answers.take(rows)
        where = f" of group '{unit}'" if unit else ""
        if reason := _kept(policy, verb):
            notes.append(f"{_animals(part, where)}: {chosen.policy} {verb}s every calibration query{where}; {reason}")
            continue
        best = highest_separating(_adjusted(part, chosen))
        if best is None:
            notes.append(
                f"{_animals(part, where)}: {chosen.policy} {verb}s every calibration query{where}; no other threshold "
                "is possible, because all best scores are equal"
            )
            continue
        notes.append(
            f"{_animals(part, where)}: {chosen.policy} would {verb} every calibration query{where}; the threshold with "
            f"the best calibration score among those that accept some and reject others is used instead: {best:.4g}"
        )
        if unit:
            values[unit] = best
        else:
            values, value = dict.fromkeys(values, best), best
    if chosen.pooled and not notes and not isinstance(policy, Fixed):
        notes += _one_sided_groups(policy, chosen, answers, limits)
    if values == chosen.values and value == chosen.value:
        return dataclasses.replace(chosen, notes=(*chosen.notes, *notes)) if notes else chosen
    return Thresholds(chosen.policy, values, chosen.pooled, (*chosen.notes, *notes), value, chosen.adjustment)


def _units(chosen: Thresholds, answers: Answers) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the queries that each threshold serves, with the group's name, if they hold both kinds of queries.

    A query without a candidate is left out: no threshold accepts it.
    """
    compared = answers.best_score > -np.inf
    own_limits = type(chosen) is not Thresholds  # a subclass whose limits may not follow from its values
    names = [] if chosen.pooled or own_limits else sorted({str(name) for name in answers.group})
    groups = [(name, compared & (answers.group == name)) for name in names]
    groups = [(name, rows) for name, rows in groups if _both_sides(answers.known[rows])] if len(groups) > 1 else []
    if groups:
        yield from groups
    elif _both_sides(answers.known[compared]):
        yield "", compared


def _both_sides(known: NDArray[np.bool_]) -> bool:
    return bool(known.any() and not known.all())


def _decides_nothing(best_score: NDArray[np.float64], limits: NDArray[np.float64]) -> str:
    """Return ``accept`` or ``reject`` if the thresholds do this with every query, else an empty string."""
    accepted = best_score >= limits
    return "accept" if accepted.all() else "" if accepted.any() else "reject"


def _kept(policy: Policy, verb: str) -> str:
    """Return why the policy's threshold must stay, or an empty string if the guard may replace it."""
    if isinstance(policy, Fixed):
        return "the threshold stays, because it was set by hand"
    if verb == "reject" and isinstance(policy, ScopedPolicy) and policy.bounds_new_animals:
        return "the threshold stays, because a lower one could break the rate: use a higher rate or another policy"
    return ""


def _adjusted(part: Answers, chosen: Thresholds) -> Answers:
    """Return the queries with the best scores that the thresholds in ``values`` are compared with."""
    if chosen.adjustment is None:
        return part
    scores = part.best_score - chosen.adjustment.of(part)
    return dataclasses.replace(part, candidates=part.candidates[:, :1], scores=scores[:, None])


def _one_sided_groups(
    policy: Policy, chosen: Thresholds, answers: Answers, limits: NDArray[np.float64]
) -> Iterator[str]:
    """Yield a note on groups in which the threshold of all groups accepts or rejects every query."""
    per_group = dataclasses.replace(chosen, pooled=False)
    verbs = {
        name: _decides_nothing(answers.best_score[rows], limits[rows])
        for name, rows in _units(per_group, answers)
        if name
    }
    has_group = isinstance(policy, ScopedPolicy) and "group" in policy.scopes
    remedy = f"; --threshold {chosen.policy}:group chooses one for each" if has_group else ""
    for verb in ("accept", "reject"):
        if names := [f"'{name}'" for name, decided in verbs.items() if decided == verb]:
            yield (
                f"{chosen.policy} {verb}s every calibration query of {'group' if len(names) == 1 else 'groups'} "
                f"{', '.join(names)}, because one threshold serves all groups{remedy}"
            )


def _animals(part: Answers, where: str) -> str:
    known, unknown = n_identities(part, "known"), n_identities(part, "unknown")
    only = "only " if min(known, unknown) < SHRINK_AT else ""
    return f"{only}{known} known and {unknown} unknown calibration animals{where}"
