"""Weight files are read without running code, and a broken one is answered by what can be done about it."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file

from reidbench import ReidbenchError
from reidbench.networks.backbones.files import read_weights

TENSORS = {"a": torch.arange(3.0), "b": torch.ones(2, 2)}


@pytest.mark.parametrize("wrap", [None, "state_dict", "model_state_dict", "model", "net"])
def test_tensors_are_found_where_training_scripts_put_them(tmp_path, wrap):
    path = tmp_path / "weights.pth"
    torch.save({wrap: TENSORS, "epoch": 3} if wrap else TENSORS, path)
    assert {key: value.tolist() for key, value in read_weights(path).tensors.items()} == {
        "a": [0, 1, 2],
        "b": [[1, 1], [1, 1]],
    }


def test_metadata_comes_with_safetensors(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(TENSORS, path, metadata={"arch": "test"})
    assert read_weights(path).metadata == {"arch": "test"}


def test_a_truncated_file_is_refused(tmp_path):
    for name in ("weights.safetensors", "weights.pth"):
        path = tmp_path / name
        save_file(TENSORS, path) if name.endswith("safetensors") else torch.save(TENSORS, path)
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(ReidbenchError, match="can't be read") as caught:
            read_weights(path)
        assert caught.value.where == str(path)
        with pytest.raises(ReidbenchError) as caught:
            read_weights(path, from_hub=True)
        assert "delete the file" in caught.value.remedy


class _Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code in a weights file was run')",))


def test_code_in_a_file_is_not_run(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"a": _Trap()}))
    with pytest.raises(ReidbenchError, match="can't be read"):
        read_weights(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2]])
def test_a_file_without_tensors_is_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(ReidbenchError, match="no (tensors|state dict)"):
        read_weights(path)
