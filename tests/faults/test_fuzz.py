"""Random and mutated input through the command line: one message, never a traceback, a hang or much memory.

Every example calls ``main`` in this process. The exit code must be 0 or 1. A call may take 20 seconds and 1 GiB.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import resource
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import reidbench
from reidbench.cli.main import main
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate
from tests.reidbench.records.example import with_id

SECONDS = 20
MEMORY = 2**30
FAST, SLOW = 200, 1250  # eight inputs: 1,600 examples in the fast suite and 10,000 in the slow one


class TooSlow(BaseException):
    """A call took longer than the limit; no handler of the command line catches it."""


def _stop(*_):
    raise TooSlow(f"longer than {SECONDS} s")


@contextlib.contextmanager
def limits():
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    before = resource.getrlimit(resource.RLIMIT_AS)
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    handler = signal.signal(signal.SIGALRM, _stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def call(*arguments):
    """Run the command line; return what it printed on stderr."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["reidbench", *map(str, arguments)]
    try:
        with limits(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = ended.code or 0
    else:
        code = 0
    finally:
        sys.argv = argv
    printed = out.getvalue() + err.getvalue()
    assert code in (0, 1), printed  # 2 is a wrong call, and these calls are right
    assert "Traceback" not in printed and "\x1b]" not in printed
    assert code == 0 or err.getvalue().strip(), "an error without a message"
    return err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def photographs(folder):
    """Write twelve tiny photographs of four animals with a table; return the table."""
    root = folder / "photographs"
    root.mkdir()
    numbers = np.random.default_rng(0)
    lines = ["image_id,identity,path,date,species,bbox"]
    for index in range(12):
        Image.fromarray(numbers.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(root / f"{index}.png")
        lines.append(f"{index},animal {index // 3},{index}.png,2020-01-{index + 1:02},lynx,")
    (root / "metadata.csv").write_text("\n".join(lines) + "\n")
    return root / "metadata.csv"


@pytest.fixture(scope="module")
def saved(folder):
    """Return the folder of runs with one run."""
    images = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    evaluate("color_histogram", images, runs_dir=folder / "runs", progress=Progress(), device="cpu")
    return folder / "runs"


WORDS = st.sampled_from(
    ["", "ana", "bo", "0", "-1", "nan", "inf", "1e308", "-1e308", "NA", "new_individual", "unknown", "[/red]",
     "\x1b[31m", "\x1b]0;t\x07", "=1+1", "../../etc", "a,b", '"', "'", "\n", "\r", "\t", ";", "\u202e", "\udcff", "é",
     "x" * 300, "[1,2,3,4]", "[nan,nan,nan,nan]", "2020-13-45", "/proc/kmsg", "~nosuch/x", "true", "null", "{}", "[]",
     "image_id"]
)  # fmt: skip
TEXT = WORDS | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BYTES = st.binary(max_size=60)


def tables(*columns):
    """Return CSV tables: some with these columns, some mangled, some no tables at all."""
    names = st.lists(st.sampled_from(columns) | TEXT, min_size=1, max_size=len(columns) + 1)
    header = st.just(list(columns)) | st.permutations(columns).map(list) | names
    rows = st.lists(st.lists(TEXT, min_size=len(columns), max_size=len(columns) + 1), max_size=5)
    separator = st.sampled_from([",", ",", ",", ";", "\t", "|"])

    def written(parts):
        head, body, sign = parts
        quoted = ['"' + cell.replace('"', '""') + '"' if '"' in cell or sign in cell else cell for cell in head]
        lines = [sign.join(quoted), *(sign.join(row) for row in body)]
        return "\n".join(lines).encode("utf-8", "surrogateescape" if sign == "," else "replace")

    return st.tuples(header, rows, separator).map(_safely(written)) | BYTES


def _safely(write):
    def inner(parts):
        try:
            return write(parts)
        except UnicodeEncodeError:
            return b"\xed\xa0\xbd"

    return inner


def mutated(content, data):
    """Return bytes with some changed, removed, repeated or cut."""
    changed = bytearray(content)
    number = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = number.randrange(len(changed) + 1)
        what = number.randrange(5)
        if what == 0 and place < len(changed):
            changed[place] = number.randrange(256)
        elif what == 1:
            del changed[place : place + number.randrange(1, 9)]
        elif what == 2:
            changed[place:place] = bytes(number.randrange(256) for _ in range(number.randrange(1, 9)))
        elif what == 3:
            changed[place:place] = changed[max(0, place - 20) : place]
        else:
            del changed[place + 1 :]
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def replaced(value, data):
    """Return a JSON value with one value inside replaced by another."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: replaced(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 9)):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], replaced(value[place], data), *value[place + 1 :]]
    return data.draw(JSON)


def fuzz_tables(folder, photographs, saved, data):
    table = folder / "photographs" / "table.csv"
    fuzzed = data.draw(tables("image_id", "identity", "path", "date", "species", "bbox"))
    table.write_bytes(mutated(photographs.read_bytes(), data) if data.draw(st.booleans()) else fuzzed)
    call("datasets", table)
    call("split", table, "-o", folder / "split-of-table.csv")


def fuzz_splits(folder, photographs, saved, data):
    sound = b"image_id,part\n" + b"".join(b"%d,%s\n" % (i, (b"gallery", b"test")[i % 2]) for i in range(12))
    fuzzed = data.draw(tables("image_id", "part"))
    (folder / "split.csv").write_bytes(mutated(sound, data) if data.draw(st.booleans()) else fuzzed)
    call("audit", photographs, "--split", folder / "split.csv")


def fuzz_predictions(folder, photographs, saved, data):
    truth = b"image_id,identity,is_new\n" + b"".join(b"%d,animal %d,%d\n" % (i, i // 3, i > 8) for i in range(12))
    sound = b"image_id,identity\n" + b"".join(b"%d,animal %d\n" % (i, i // 4) for i in range(12))
    for name, content, columns in (
        ("truth.csv", truth, ("image_id", "identity", "is_new")),
        ("predictions.csv", sound, ("image_id", "identity")),
    ):
        how = data.draw(st.integers(0, 2))
        fuzzed = data.draw(tables(*columns)) if how == 0 else mutated(content, data) if how == 1 else content
        (folder / name).write_bytes(fuzzed)
    task = data.draw(st.sampled_from([[], ["--json"], ["--task", "clustering"], ["--allow-unmatched"]]))
    call("score", folder / "predictions.csv", "--truth", folder / "truth.csv", *task)


def fuzz_settings(folder, photographs, saved, data):
    sound = {"method": "color_histogram", "preset": None, "settings": {"hue_bins": 4}, "dataset": "x", "seed": 0}
    kind = data.draw(st.integers(0, 3))
    text = json.dumps(replaced(sound, data) if kind else data.draw(JSON)).encode()
    content = data.draw(BYTES) if kind == 3 else mutated(text, data) if kind == 2 else text
    (folder / "settings.json").write_bytes(content)
    call("run", "--method", "color_histogram", "--dataset", folder / "none.csv", "--settings", folder / "settings.json")


def fuzz_toml(folder, photographs, saved, data):
    dataset = f'[dataset]\nname = "{(folder / "none.csv").as_posix()}"\nsplit_seeds = [0]\n'
    sound = f'{dataset}[[method]]\nname = "color_histogram"\nseeds = [0]\n[method.settings]\nhue_bins = 4\n'
    kind = data.draw(st.integers(0, 3))
    content = data.draw(BYTES) if kind == 3 else mutated(sound.encode(), data)
    (folder / "benchmark.toml").write_bytes(content)
    call("run", "--benchmark", folder / "benchmark.toml", "--runs", folder / "runs-of-benchmark")


def fuzz_records(folder, photographs, saved, data):
    (sound,) = saved.glob("*/*/*")
    copy = folder / "fuzzed" / sound.relative_to(saved)
    if not copy.exists():
        shutil.copytree(saved, folder / "fuzzed")
    record = json.loads((sound / "run.json").read_bytes())
    changed = replaced(record, data)
    if isinstance(changed, dict) and data.draw(st.booleans()):  # as one who changes the id too
        with contextlib.suppress(LookupError, TypeError, AttributeError):
            changed = with_id(changed)
    text = json.dumps(changed).encode()
    (copy / "run.json").write_bytes(mutated(text, data) if data.draw(st.integers(0, 3)) == 0 else text)
    call(
        "compare", "--runs", folder / "fuzzed", *data.draw(st.sampled_from([[], ["--json"], ["--variance", "--costs"]]))
    )
    call("runs", "ls", "--runs", folder / "fuzzed")
    call("runs", "show", copy)


def fuzz_decisions(folder, photographs, saved, data):
    sound = b"image_id,decision,identity,sha256,group\n1.png,accept,ana,,lynx\n2.png,new,bo,,lynx\n"
    fuzzed = data.draw(tables("image_id", "decision", "identity", "sha256", "group"))
    content = mutated(sound, data) if data.draw(st.booleans()) else fuzzed
    (folder / "decisions.csv").write_bytes(content)
    (run,) = saved.glob("*/*/*")
    call("identify", photographs.parent, "--run", run, "--enroll", folder / "decisions.csv", "-o", folder / "large.csv")


def _pictures():
    pixels = np.random.default_rng(1).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    for suffix in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        written = io.BytesIO()
        Image.fromarray(pixels).save(written, suffix)
        yield written.getvalue()


PICTURES = list(_pictures())


def fuzz_images(folder, photographs, saved, data):
    root = folder / "images"
    root.mkdir(exist_ok=True)
    picture = data.draw(st.sampled_from(PICTURES))
    (root / "a.png").write_bytes(mutated(picture, data) if data.draw(st.integers(0, 9)) else data.draw(BYTES))
    (root / "b.png").write_bytes(PICTURES[0])
    box = data.draw(st.sampled_from(["", "[1,1,9,9]", "[0,0,1e308,1e308]", "[-5,-5,3,3]", "[nan,0,1,1]"]))
    (root / "metadata.csv").write_text(f'image_id,identity,path,bbox\n0,ana,a.png,"{box}"\n1,bo,b.png,\n')
    call("audit", root / "metadata.csv", "--no-split")


INPUTS = {
    "tables": fuzz_tables,
    "splits": fuzz_splits,
    "predictions": fuzz_predictions,
    "settings": fuzz_settings,
    "toml": fuzz_toml,
    "records": fuzz_records,
    "decisions": fuzz_decisions,
    "images": fuzz_images,
}


def _fuzz(kind, count, folder, photographs, saved):
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def example(data):
        INPUTS[kind](folder, photographs, saved, data)

    example()


@pytest.mark.parametrize("kind", INPUTS)
def test_fuzzed_input_is_one_message(kind, folder, photographs, saved):
    _fuzz(kind, FAST, folder, photographs, saved)


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS)
def test_much_fuzzed_input_is_one_message(kind, folder, photographs, saved):
    _fuzz(kind, SLOW, folder, photographs, saved)
