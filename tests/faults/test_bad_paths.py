"""Paths and names that no file can have, and files that are none, are one message each."""

import os
import stat
import sys

import pytest

import reidbench
from reidbench.cli.main import main
from reidbench.data.decoding import decode
from reidbench.errors import ReidbenchError

LONG = "x" * 300


def call(monkeypatch, capsys, *arguments):
    """Run the command line; return exit code and the message."""
    monkeypatch.setattr(sys, "argv", ["reidbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return ended.value.code, printed.err


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


COMMANDS = [
    ["score", "{path}", "--truth", "{path}"],
    ["split", "{path}", "-o", "{tmp}/split.csv"],
    ["datasets", "{path}"],
    ["audit", "{path}"],
    ["run", "--method", "color_histogram", "--dataset", "{path}"],
    ["run", "--method", "color_histogram", "--settings", "{path}"],
    ["run", "--method", "color_histogram", "--plugin", "{path}"],
    ["run", "--benchmark", "{path}"],
    ["run", "--method", "color_histogram", "--split", "{path}"],
    ["run", "--method", "color_histogram", "--python", "{path}"],
    ["run", "--from", "{path}"],
    ["runs", "show", "{path}"],
    ["rethreshold", "{path}", "--threshold", "max-score"],
    ["report", "{path}"],
    ["identify", "{path}", "--run", "{path}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "path", [LONG, f"{LONG}.csv", "~nosuch/x.csv", "/proc/kmsg", "{pipe}", "a\udcffb", "{folder}/x"]
)
def test_a_path_that_names_no_file_is_one_message(command, path, pipe, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = path.format(pipe=pipe, folder=pipe)
    words = [word.format(path=path, tmp=tmp_path) for word in command]
    code, message = call(monkeypatch, capsys, *words)
    assert code == 1, message
    assert message.count("error:") == 1


@pytest.mark.parametrize("content", ["[]", "3", '"text"', "{", "", '{"a":' * 5000 + "1" + "}" * 5000])
def test_settings_that_are_no_object_are_one_message(content, monkeypatch, capsys, tmp_path):
    (tmp_path / "s.json").write_text(content)
    command = ["run", "--method", "color_histogram", "--settings", tmp_path / "s.json"]
    code, message = call(monkeypatch, capsys, *command)
    assert code == 1 and "the settings can't be read" in message


@pytest.mark.parametrize("content", ["name = 'é'".encode("latin-1"), b"a = " + b"[" * 5000, b"[dataset]", b"= 1"])
def test_a_benchmark_file_that_is_no_toml_is_one_message(content, monkeypatch, capsys, tmp_path):
    (tmp_path / "b.toml").write_bytes(content)
    code, message = call(monkeypatch, capsys, "run", "--benchmark", tmp_path / "b.toml")
    assert code == 1 and message.count("error:") == 1


@pytest.mark.parametrize("content", [b"", b"text", b"#!/bin/false\n", b"\x7fELF"])
def test_a_python_that_is_no_interpreter_is_one_message(content, monkeypatch, capsys, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = ["run", "--method", "color_histogram", "--python", program, "--runs", tmp_path / "runs"]
    code, message = call(monkeypatch, capsys, *command)
    assert code == 1 and "--python" in message and "interpreter" in message


def test_a_box_beyond_every_picture_names_its_row(monkeypatch, capsys, tmp_path):
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy").image_path(0)
    (tmp_path / "a.csv").write_text(f'image_id,identity,path,bbox\n0,ana,{drawn},"[0,0,1e308,1e308]"\n')
    code, message = call(monkeypatch, capsys, "datasets", tmp_path / "a.csv")
    assert code in (0, 1) and "Traceback" not in message


def test_an_image_that_may_not_be_read_is_one_message(monkeypatch, tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")

    def refused(path):  # root may read a file of mode 000, so the refusal is made here
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("reidbench.data.decoding.check_regular", refused)
    with pytest.raises(ReidbenchError, match="the image cannot be read: .*Permission denied"):
        decode(tmp_path / "a.png")


def test_a_table_that_may_not_be_read_is_one_message(monkeypatch, capsys, tmp_path):
    (tmp_path / "a.csv").write_text("image_id\n")

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("reidbench.csv_files.read_regular", refused)
    code, message = call(monkeypatch, capsys, "score", tmp_path / "a.csv", "--truth", tmp_path / "a.csv")
    assert code == 1 and "can't be read: Permission denied" in message


@pytest.mark.parametrize("arguments", [["\x1b]0;t\x07"], ["score", "\x1b]0;t\x07"], ["run", "--\x1b]0;t\x07"]])
def test_a_wrong_call_shows_its_words_and_commands_no_terminal(arguments, monkeypatch, capsys):
    code, message = call(monkeypatch, capsys, *arguments)
    assert code == 2 and "\x1b" not in message
