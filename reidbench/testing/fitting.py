"""Checks of building and fitting, and of the fingerprint that the cache goes by."""

from __future__ import annotations

import dataclasses
import json

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import FitReport, Method, Settings
from reidbench.testing import differences
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.method_under_test import Subject
from reidbench.testing.one_build import Trial
from reidbench.testing.settings_values import varied

topic = Topic("fitting")


@topic.check(
    reason="nothing can be asked of a method that can't be built from its settings",
    remedy="build(settings) returns a Method; one made of parts gets them as a second argument",
)
def builds(subject: Subject) -> str | None:
    _ = subject.built
    return None


@topic.check(
    reason="weights are loaded in prepare, before the run is named after them",
    remedy="load every file in prepare(device, seed, progress); raise ReidbenchError where one is missing",
    needs=("builds",),
)
def prepares(subject: Subject) -> str | None:
    _ = subject.prepared
    return None


@topic.check(
    reason="fit is called once in every run, also of a method that learns nothing",
    remedy="leave fit out where there is nothing to learn; otherwise take what images and identities it is given",
    needs=("prepares",),
)
def fits(subject: Subject) -> str | None:
    _ = subject.reports
    return None


@topic.check(
    reason="history, notes and facts go into the record, which is JSON",
    remedy="return FitReport(…) of plain values: float(loss), not a numpy number or a tensor",
    needs=("fits",),
)
def fit_report(subject: Subject) -> str | None:
    for report in subject.reports:
        if not isinstance(report, FitReport):
            return f"fit returned {type(report).__name__}, not a FitReport"
        try:
            json.dumps(dataclasses.asdict(report), allow_nan=False)
        except (TypeError, ValueError) as error:
            return f"the report can't be written as JSON: {error}"
    return None


@topic.check(
    reason="the same run on the same machine has to give the same numbers",
    remedy="draw everything random from context.seed or the seed of prepare, by np.random.default_rng(seed)",
    needs=("deterministic",),
)
def fits_alike(subject: Subject) -> str | None:
    found = subject.second.describe(subject.drawn.sample)
    return differences.of_representations(found.representation, subject.sample.representation)


@topic.check(
    reason="what fit learned is not in the cache key of a method with learns = False: others' results would be served",
    remedy="set learns = True where fit changes what represent returns",
    needs=("fits_alike",),
)
def learns(subject: Subject) -> str | None:
    if all(leaf.learns for leaf in subject.fitted.leaves):
        raise NotApplicable("it says that it learns")
    trial = subject.new_trial("refitted")
    trial.prepare()
    trial.fit(subject.drawn.renamed)
    frozen = [number for number, leaf in enumerate(trial.leaves) if not leaf.learns]
    found = trial.describe(subject.drawn.sample).by_leaf
    for number in frozen:
        difference = differences.of_representations(found[number], subject.sample.by_leaf[number])
        if difference:
            return f"fitted on other images, {difference}"
    return None


@topic.check(
    reason="where every image is in the cache, fit is not called: score has two representations and the settings",
    remedy="put what score needs into the representation",
    needs=("scores_finite",),
)
def scores_without_fit(subject: Subject) -> str | None:
    trial = subject.new_trial("unfitted")
    trial.prepare()
    trial.learned_from(subject.drawn.gallery)
    queries = trial.described_as(subject.drawn.queries, subject.queries.by_leaf)
    gallery = trial.described_as(subject.drawn.gallery, subject.gallery.by_leaf)
    trial.calibrate(queries, gallery)
    return differences.of_scores(trial.scores(queries, gallery), subject.scores)


@topic.check(
    reason="a fingerprint that changes by itself makes the cache useless",
    remedy="digest settings and weights, and nothing of the moment: no id(), no time, no hash() of text",
    needs=("prepares",),
)
def fingerprint_stable(subject: Subject) -> str | None:
    again = subject.new_trial("fingerprint")
    again.prepare()
    for first, second in zip(subject.prepared.leaves, again.leaves, strict=True):
        if first.fingerprint() != second.fingerprint():
            return f"two builds say {first.fingerprint()[:16]}… and {second.fingerprint()[:16]}…"
    return None


@topic.check(
    reason="of two settings with one fingerprint the second is served what the cache holds of the first",
    remedy="let Method.fingerprint be, or add what was left out of yours",
    needs=("deterministic", "settings_from_text"),
)
def fingerprint_of_settings(subject: Subject) -> str | None:
    if subject.spec.parts is not None:
        raise NotApplicable("made of parts, of which each has a fingerprint of its own")
    leaf = subject.prepared.leaves[0]
    pair = subject.drawn.sample.take([0, 1])
    tried = 0
    for key in type(subject.settings).model_fields:
        for settings in varied(subject.settings, key):
            if type(leaf).fingerprint is Method.fingerprint:
                same = settings.model_dump_json() == subject.settings.model_dump_json()
                trial = None
            else:
                trial = _prepared(subject, settings)
                if trial is None:
                    continue
                same = trial.leaves[0].fingerprint() == leaf.fingerprint()
            tried += 1
            if same and (difference := _describes_otherwise(subject, settings, trial, pair)):
                other, own = getattr(settings, key), getattr(subject.settings, key)
                return f"{key}={other} has the fingerprint of {key}={own}; {difference}"
            break
    if not tried:
        raise NotApplicable("no setting could be given another value")
    return None


def _prepared(subject: Subject, settings: Settings) -> Trial | None:
    """Build with other settings; ``None`` where these ask for what is not to be had here."""
    try:
        trial = subject.new_trial("varied", settings)
        trial.prepare()
    except ReidbenchError:
        return None
    return trial


def _describes_otherwise(subject: Subject, settings: Settings, trial: Trial | None, pair: ImageSet) -> str | None:
    trial = trial or _prepared(subject, settings)
    if trial is None:
        return None
    trial.fit(subject.drawn.gallery)
    expected = subject.fitted.describe(pair)
    return differences.of_representations(trial.describe(pair).representation, expected.representation)
