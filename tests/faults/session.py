"""Command lines of the tests of faults: they extract, merge, train, write and identify."""

DATASET = ["--dataset", "catalogue/metadata.csv"]
PLUGIN = ["--plugin", "tiny_plugin.py", "--device", "cpu"]
COLOUR = ["run", "--method", "color_histogram", *DATASET]
TRAINED = ["run", "--method", "tiny", *PLUGIN, *DATASET]


def identify(run, photographs="new", output="found.csv"):
    """Return the command that identifies photographs with a run."""
    return ["identify", photographs, "--run", run, *PLUGIN, "-o", output]
