"""Checks of building and fitting, and of the fingerprint that the cache goes by."""

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
    reason="nothing can be asked of a method that can't be built from its settings",
    remedy="build(settings) returns a Method; one made of parts gets them as a second argument",
)
def builds(tested: MethodUnderTest) -> str | None:
    _ = tested.built
    return None


@topic.check(
    reason="weights are loaded in prepare, before the run is named after them",
    remedy="load every file in prepare(device, seed, progress); raise ReidbenchError where one is missing",
    needs=("builds",),
)
def prepares(tested: MethodUnderTest) -> str | None:
    _ = tested.prepared
    return None


@topic.check(
    reason="fit is called once in every run, also of a method that learns nothing",
    remedy="leave fit out where there is nothing to learn; otherwise take what images and identities it is given",
    needs=("prepares",),
)
def fits(tested: MethodUnderTest) -> str | None:
    _ = tested.reports
    return None


@topic.check(
    reason="history, notes and facts go into the record, which is JSON",
    remedy="return FitReport(…) of plain values: float(loss), not a numpy number or a tensor",
    needs=("fits",),
)
def fit_report(tested: MethodUnderTest) -> str | None:
    for report in tested.reports:
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
def fits_alike(tested: MethodUnderTest) -> str | None:
    found = tested.second.extract(tested.drawn.sample)
    return differences.of_representations(found.representation, tested.sample.representation)


@topic.check(
    reason="what fit learned is not in the cache key of a method with learns = False: others' results would be served",
    remedy="set learns = True where fit changes what represent returns",
    needs=("fits_alike",),
)
def learns(tested: MethodUnderTest) -> str | None:
    if all(leaf.learns for leaf in tested.fitted.leaves):
        raise NotApplicable("it says that it learns")
    build = tested.new_build("refitted")
    build.prepare()
    build.fit(tested.drawn.renamed)
    frozen = [number for number, leaf in enumerate(build.leaves) if not leaf.learns]
    found = build.extract(tested.drawn.sample).by_leaf
    for number in frozen:
        difference = differences.of_representations(found[number], tested.sample.by_leaf[number])
        if difference:
            return f"fitted on other images, {difference}"
    return None


@topic.check(
    reason="where every image is in the cache, fit is not called: score has two representations and the settings",
    remedy="put what score needs into the representation",
    needs=("scores_finite",),
)
def scores_without_fit(tested: MethodUnderTest) -> str | None:
    build = tested.new_build("unfitted")
    build.prepare()
    build.learned_from(tested.drawn.gallery)
    queries = build.from_parts(tested.drawn.queries, tested.queries.by_leaf)
    gallery = build.from_parts(tested.drawn.gallery, tested.gallery.by_leaf)
    build.calibrate(queries, gallery)
    return differences.of_scores(build.scores(queries, gallery), tested.scores)


@topic.check(
    reason="a fingerprint that changes by itself makes the cache useless",
    remedy="digest settings and weights, and nothing of the moment: no id(), no time, no hash() of text",
    needs=("prepares",),
)
def fingerprint_stable(tested: MethodUnderTest) -> str | None:
    again = tested.new_build("fingerprint")
    again.prepare()
    for first, second in zip(tested.prepared.leaves, again.leaves, strict=True):
        if first.fingerprint() != second.fingerprint():
            return f"two builds say {first.fingerprint()[:16]}… and {second.fingerprint()[:16]}…"
    return None


@topic.check(
    reason="of two settings with one fingerprint the second is served what the cache holds of the first",
    remedy="let Method.fingerprint be, or add what was left out of yours",
    needs=("deterministic", "settings_from_text"),
)
def fingerprint_of_settings(tested: MethodUnderTest) -> str | None:
    if tested.spec.parts is not None:
        raise NotApplicable("made of parts, of which each has a fingerprint of its own")
    leaf = tested.prepared.leaves[0]
    pair = tested.drawn.sample.take([0, 1])
    tried = 0
    for key in type(tested.settings).model_fields:
        for settings in varied(tested.settings, key):
            if type(leaf).fingerprint is Method.fingerprint:
                same = settings.model_dump_json() == tested.settings.model_dump_json()
                build = None
            else:
                build = _prepared(tested, settings)
                if build is None:
                    continue
                same = build.leaves[0].fingerprint() == leaf.fingerprint()
            tried += 1
            if same and (difference := _describes_otherwise(tested, settings, build, pair)):
                other, own = getattr(settings, key), getattr(tested.settings, key)
                return f"{key}={other} has the fingerprint of {key}={own}; {difference}"
            break
    if not tried:
        raise NotApplicable("no setting could be given another value")
    return None


def _prepared(tested: MethodUnderTest, settings: Settings) -> Build | None:
    """Build with other settings; ``None`` where these ask for what is not to be had here."""
    try:
        build = tested.new_build("varied", settings)
        build.prepare()
    except ReidbenchError:
        return None
    return build


def _describes_otherwise(
    tested: MethodUnderTest, settings: Settings, build: Build | None, pair: ImageSet
) -> str | None:
    build = build or _prepared(tested, settings)
    if build is None:
        return None
    build.fit(tested.drawn.gallery)
    expected = tested.fitted.extract(pair)
    return differences.of_representations(build.extract(pair).representation, expected.representation)
