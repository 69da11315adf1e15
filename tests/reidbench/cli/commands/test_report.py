"""``reidbench report`` as it is called; the page itself is tested where it is made."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import reidbench
from reidbench.cli.commands.report import report
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.records.failures import FailedRun, MethodFailure, write_failure
from reidbench.records.job import Job
from reidbench.running.evaluation import evaluate

app = typer.Typer()
app.command()(report)


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "runs"
    images = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    for seed in (0, 1):
        evaluate("color_histogram", images, split_seed=seed, runs_dir=folder, progress=Progress(), device="cpu")
    return folder


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_page_is_written_and_its_size_is_told(runs_dir, tmp_path):
    done = call("--runs", runs_dir, "-o", tmp_path / "page.html", "--title", "Lynx & co", "--cost", "false_match=5")
    assert done.exit_code == 0 and done.stdout == "" and "written to" in done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>Lynx &amp; co</h1>" in page and "false match 5" in page and "data:image/jpeg" in page


def test_one_split_is_shown(runs_dir, tmp_path):
    split = reidbench.load_runs(runs_dir)[0].split_digest
    call("--runs", runs_dir, "--split-digest", split[:10], "--no-images", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "1 run on 1 dataset." in page and "data:image/jpeg" not in page


def test_what_failed_is_on_the_page_unless_runs_are_named(runs_dir, tmp_path):
    job = Job("hangs", "patterns", split_seed=3)
    failed = FailedRun.of(job, ("p", "0"), MethodFailure("it <hangs> for ever", how="timeout"), isolated=True)
    path = write_failure(runs_dir, failed)
    run = reidbench.load_runs(runs_dir)[0].path
    for arguments, told in (((), True), ((run,), False)):
        call("--runs", runs_dir, "--no-images", "-o", tmp_path / "page.html", *arguments)
        assert ("it &lt;hangs&gt; for ever" in (tmp_path / "page.html").read_text(encoding="utf-8")) == told
    path.unlink()


def test_a_record_that_can_not_be_read_is_named_on_the_page(runs_dir, tmp_path):
    torn = reidbench.load_runs(runs_dir)[0].path.parent / "torn"
    torn.mkdir()
    (torn / "run.json").write_text('{"schema": 2, "meth')
    try:
        assert call("--runs", runs_dir, "--no-images", "-o", tmp_path / "page.html").exit_code == 0
    finally:
        (torn / "run.json").unlink()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 runs on 1 dataset." in page and str(torn) in page and "delete the folder and run it again" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "lynx"], "no run is on dataset 'lynx'"),
        (["--cost", "everything=1"], "no kind of error 'everything'"),
        (["--images", "no-such-set"], "no dataset, file or folder"),
        (["0000"], "no finished run '0000'"),
    ],
)
def test_what_is_not_there_is_said(runs_dir, tmp_path, arguments, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        call("--runs", runs_dir, "-o", tmp_path / "page.html", *arguments)
    assert caught.value.where and caught.value.remedy
    assert not (tmp_path / "page.html").exists()


def test_a_page_without_drawn_matches_needs_no_torch(runs_dir, tmp_path):
    code = (
        "import sys; from reidbench.cli.main import main\n"
        f"sys.argv = ['reidbench', 'report', '--runs', {str(runs_dir)!r}, '-o', {str(tmp_path / 'page.html')!r}]\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        "heavy = {'torch', 'timm', 'kornia', 'wildlife_datasets'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(ReidbenchError, match="no finished run to report on"):
        call("--runs", tmp_path, "-o", tmp_path / "page.html")


def test_a_share_that_is_none_is_a_usage_error(runs_dir, tmp_path):
    assert call("--runs", runs_dir, "--unknown-rate", "1.5", "-o", tmp_path / "page.html").exit_code == 2
