"""What the page asks to be cited."""

from reidbench.reporting.citations import citations_of, wildlife_summary
from tests.reidbench.records.example import changed


def test_datasets_methods_and_the_tool_are_named_once(finished):
    found = citations_of(finished.records)
    assert [each.kind for each in found] == ["Datasets", "Datasets", "Methods", "Methods", "Tool"]
    sift = next(each for each in found if each.name == "sift")
    assert "Lowe 2004" in sift.source
    drawn = next(each for each in found if each.name.startswith("patterns"))
    assert "drawn animals" in drawn.source
    photographs = next(each for each in found if each.kind == "Datasets" and each is not drawn)
    assert "names no source" in photographs.source


def test_weights_carry_source_digest_and_licence(finished):
    run = finished.records[0]
    weights = {
        "source": "someone/weights", "pretrained": True, "sha256": "ab" * 32, "licence": "CC BY-NC 4.0", "label": "big"
    }  # fmt: skip
    found = citations_of([changed(run, weights=weights)])
    cited = next(each for each in found if each.kind == "Weights")
    assert cited.licence == "CC BY-NC 4.0" and "someone/weights, SHA-256 abababababab…" in cited.source


def test_a_method_that_is_not_installed_is_named_all_the_same(finished):
    run = finished.records[0]
    found = citations_of([changed(run, method="gone")])
    assert next(each for each in found if each.name == "gone").source == "its plugin is not installed here"


def test_a_set_of_wildlife_datasets_brings_its_licence():
    summary = wildlife_summary("StripeSpotter")
    assert summary["licenses"] and summary["publication_url"].startswith("http")
    assert wildlife_summary("my-own-photos") == {}
