"""Write a tiny ONNX network by hand, as the tests need no package for it: the map is the mean of the three colours.

Source of the field numbers: ``onnx.proto3`` of ONNX.
"""

from __future__ import annotations

import struct

_FLOAT = 1


def _varint(number: int) -> bytes:
    coded = b""
    while number > 127:
        coded += bytes([number % 128 + 128])
        number //= 128
    return coded + bytes([number])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(name: str, *shape: int) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, dims)))


def brightness_network(outputs: int = 1) -> bytes:
    """Return an ONNX file whose output has this number of channels, each the mean of the colours of the input."""
    weight = b"".join(_field(1, size) for size in (outputs, 3, 1, 1)) + _field(2, _FLOAT) + _field(8, "weight")
    weight += _field(9, struct.pack(f"<{3 * outputs}f", *[1 / 3] * (3 * outputs)))
    node = _field(1, "picture") + _field(1, "weight") + _field(2, "map") + _field(3, "conv") + _field(4, "Conv")
    graph = _field(1, node) + _field(2, "brightness") + _field(5, weight)
    graph += _field(11, _value("picture", 1, 3, 320, 320)) + _field(12, _value("map", 1, outputs, 320, 320))
    return _field(1, 7) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 11))
