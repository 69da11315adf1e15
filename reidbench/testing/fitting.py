"""Checks of building and fitting, and of the fingerprint that identifies features in the cache."""

from __future__ import annotations

import dataclasses
import json

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import FitReport, Method, Settings
from reidbench.testing import differences
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.method_under_test import MethodUnderTest
from reidbench.testing.one_build import Build
from reidbench.testing.settings_values import varied

topic = Topic("fitting")


@topic.check(
    reason="every run builds the method from its settings",
    remedy="let build(settings) return a Method; the build of a fusion gets its parts as a second argument",
)
def builds(tested: MethodUnderTest) -> str | None:
    """Build the method."""
    _ = tested.built
    return None


@topic.check(
    reason="weights are loaded in prepare, because the run id depends on them",
    remedy="load every file in prepare(device, seed, progress); raise ReidbenchError if one is missing",
    needs=("builds",),
)
def prepares(tested: MethodUnderTest) -> str | None:
    """Prepare the method."""
    _ = tested.prepared
    return None


@topic.check(
    reason="fit is called once in every run, also if the method is not trained",
    remedy="do not define fit if there is nothing to train; otherwise accept any images and identities",
    needs=("prepares",),
)
def fits(tested: MethodUnderTest) -> str | None:
    """Fit the method on the drawn gallery."""
    _ = tested.reports
    return None


@topic.check(
    reason="history, notes and facts are written to the record, which is JSON",
    remedy="return FitReport(…) with plain values: float(loss), not a numpy number or a tensor",
    needs=("fits",),
)
def fit_report(tested: MethodUnderTest) -> str | None:
    """Write the reports of fit as JSON."""
    for report in tested.reports:
        if not isinstance(report, FitReport):
            return f"fit returned {type(report).__name__}, not a FitReport"
        try:
            json.dumps(dataclasses.asdict(report), allow_nan=False)
        except (TypeError, ValueError) as error:
            return f"the report cannot be written as JSON: {error}"
    return None


@topic.check(
    reason="the same run on the same machine must give the same numbers",
    remedy="use np.random.default_rng(seed) with context.seed or the seed of prepare for all random numbers",
    needs=("deterministic",),
)
def fits_alike(tested: MethodUnderTest) -> str | None:
    """Compare the features of a second build, fitted in the same way."""
    second = tested.second.extract(tested.drawn.sample)
    return differences.of_representations(second.representation, tested.sample.representation)


@topic.check(
    reason="with learns = False the cache key has no training images, so the cache would mix features of two trainings",
    remedy="set learns = True if fit changes the result of represent",
    needs=("fits_alike",),
)
def learns(tested: MethodUnderTest) -> str | None:
    """Compare the features of a build that is fitted on other images."""
    if all(part.learns for part in tested.fitted.parts):
        raise NotApplicable("it declares learns = True")
    build = tested.new_build("refitted")
    build.prepare()
    build.fit(tested.drawn.renamed)
    untrained = [number for number, part in enumerate(build.parts) if not part.learns]
    by_part = build.extract(tested.drawn.sample).by_part
    for number in untrained:
        difference = differences.of_representations(by_part[number], tested.sample.by_part[number])
        if difference:
            return f"fitted on other images, {difference}"
    return None


@topic.check(
    reason="if all features are in the cache, fit is not called: score has only the representations and the settings",
    remedy="store everything that score needs in the representation",
    needs=("scores_finite",),
)
def scores_without_fit(tested: MethodUnderTest) -> str | None:
    """Compare the scores of a build that was not fitted and gets the features of the first build."""
    build = tested.new_build("unfitted")
    build.prepare()
    build.set_trained_identities(tested.drawn.gallery)
    queries = build.from_parts(tested.drawn.queries, tested.queries.by_part)
    gallery = build.from_parts(tested.drawn.gallery, tested.gallery.by_part)
    build.calibrate(queries, gallery)
    return differences.of_scores(build.scores(queries, gallery), tested.scores)


@topic.check(
    reason="if the fingerprint changes without a reason, the cache is useless",
    remedy="compute it from settings and weights only, without id(), time or hash() of text",
    needs=("prepares",),
)
def fingerprint_stable(tested: MethodUnderTest) -> str | None:
    """Compare the fingerprints of two builds."""
    again = tested.new_build("fingerprint")
    again.prepare()
    for first, second in zip(tested.prepared.parts, again.parts, strict=True):
        if first.fingerprint() != second.fingerprint():
            return f"two builds have the fingerprints {first.fingerprint()[:16]}… and {second.fingerprint()[:16]}…"
    return None


@topic.check(
    reason="if two settings have the same fingerprint, the cache returns the features of the wrong one",
    remedy="do not override Method.fingerprint, or include the missing setting in yours",
    needs=("deterministic", "settings_from_text"),
)
def fingerprint_of_settings(tested: MethodUnderTest) -> str | None:
    """Change each setting, and look for changed features with an unchanged fingerprint."""
    if tested.spec.parts is not None:
        raise NotApplicable("it is a fusion, and each part has a fingerprint")
    method = tested.prepared.parts[0]
    pair = tested.drawn.sample.take([0, 1])
    tried = 0
    for key in type(tested.settings).model_fields:
        for settings in varied(tested.settings, key):
            if type(method).fingerprint is Method.fingerprint:
                same = settings.model_dump_json() == tested.settings.model_dump_json()
                build = None
            else:
                build = _prepared(tested, settings)
                if build is None:
                    continue
                same = build.parts[0].fingerprint() == method.fingerprint()
            tried += 1
            if same and (difference := _feature_difference(tested, settings, build, pair)):
                other, original = getattr(settings, key), getattr(tested.settings, key)
                return f"{key}={other} has the fingerprint of {key}={original}; {difference}"
            break
    if not tried:
        raise NotApplicable("no setting has another value that can be tried")
    return None


def _prepared(tested: MethodUnderTest, settings: Settings) -> Build | None:
    """Build and prepare the method with other settings; ``None`` if they need something that is not available."""
    try:
        build = tested.new_build("varied", settings)
        build.prepare()
    except ReidbenchError:
        return None
    return build


def _feature_difference(tested: MethodUnderTest, settings: Settings, build: Build | None, pair: ImageSet) -> str | None:
    build = build or _prepared(tested, settings)
    if build is None:
        return None
    build.fit(tested.drawn.gallery)
    expected = tested.fitted.extract(pair)
    return differences.of_representations(build.extract(pair).representation, expected.representation)
