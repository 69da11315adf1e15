"""Only regular files are read, and deep or foreign content is a reason and not a crash."""

import os
import sys

import pytest

from reidbench.untrusted.reading import check_regular, parse_json, parse_toml, read_regular


def test_a_regular_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "a") == read_regular(tmp_path / "link") == b"content"


def test_a_pipe_is_refused_before_a_read_could_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for check in (check_regular, read_regular):
        with pytest.raises(OSError, match="not a regular file"):
            check(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform != "linux", reason="these files exist on Linux only")
@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/status", "/dev/zero", "/dev/null"])
def test_devices_and_files_of_the_system_are_refused(path, tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(type(tmp_path)(path))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "missing", "."])
def test_a_path_that_is_no_file_is_an_os_error(name, tmp_path):
    with pytest.raises(OSError, match=r"name too long|null|No such file|folder"):
        read_regular(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not in UTF-8: line 1 has the byte 0xff"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"9" * 5000, "integer string"),
    ],
)
def test_json_that_cannot_be_used_is_a_value_error(content, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = ", "not TOML"),
        ("name = 'žirafa é'".encode("iso-8859-2"), "not in UTF-8: line 1 has the byte"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    ],
)
def test_toml_that_cannot_be_used_is_a_value_error(content, reason):
    with pytest.raises(ValueError, match=reason):
        parse_toml(content)


def test_a_mark_of_utf_8_is_no_part_of_the_content():
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    assert parse_toml(b"\xef\xbb\xbfa = 1") == {"a": 1}
