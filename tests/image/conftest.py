"""EXIF blocks and colour profiles, built byte by byte so that they owe nothing to the package."""

from __future__ import annotations

import importlib.util
import struct
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ICC_SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
ICC_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ICC_ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
ICC_PROPHOTO = ((0.79767, 0.28804, 0), (0.13519, 0.71187, 0), (0.03134, 0.00009, 0.82491))


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def gamma_curve(gamma: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))


def sampled_curve(values) -> bytes:
    codes = np.round(np.asarray(values) * 65535).astype(">u2")
    return b"curv" + struct.pack(">II", 0, len(codes)) + codes.tobytes()


def parametric_curve(kind: int, *values: float) -> bytes:
    return b"para" + struct.pack(">IHH", 0, kind, 0) + fixed(*values)


SRGB_CURVE = parametric_curve(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def make_profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    text = b"made for a test\0"
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
        **tags,
    }
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for name, element in tags.items():
        body += bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(element))
        body += element
    header = bytes(8) + struct.pack(">I4s4s4s", 0x02400000, b"mntr", space, pcs)
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + fixed(0.9642, 1, 0.8249)
    profile = header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def make_matrix_profile(columns, curve: bytes) -> bytes:
    tags = {name: b"XYZ " + bytes(4) + fixed(*xyz) for name, xyz in zip(
        (b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True
    )}  # fmt: skip
    return make_profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


@pytest.fixture(scope="session")
def profiles() -> dict[str, bytes]:
    """Profiles by name: `sRGB`, `Display P3`, `Adobe RGB`, `ProPhoto RGB`, `grey`."""
    return {
        "sRGB": make_matrix_profile(ICC_SRGB, SRGB_CURVE),
        "Display P3": make_matrix_profile(ICC_P3, SRGB_CURVE),
        "Adobe RGB": make_matrix_profile(ICC_ADOBE, gamma_curve(563 / 256)),
        "ProPhoto RGB": make_matrix_profile(ICC_PROPHOTO, gamma_curve(1.8)),
        "grey": make_profile(b"GRAY", {b"kTRC": gamma_curve(1.8)}),
    }


@pytest.fixture(scope="session")
def press_profile():
    """`press_profile(both_ways=True)` -> a CMYK profile of tables."""
    path = Path(__file__).parents[1] / "matrix_files.py"
    spec = importlib.util.spec_from_file_location("matrix_files", path)
    module = sys.modules.get(spec.name) or importlib.util.module_from_spec(spec)
    if spec.name not in sys.modules:
        sys.modules[spec.name] = module  # where dataclasses look for it
        spec.loader.exec_module(module)
    return cache(module.press_profile)


THUMBNAIL = b"\xff\xd8 a picture of how things were \xff\xd9"
MAKER_NOTE = b"CAMERA\0\0 offsets in here count from the start of the block " * 3


def make_exif(
    orientation: int | None = 1,
    *,
    order: str = "<",
    size: tuple[int, int] = (1, 1),
    thumbnail: bytes = THUMBNAIL,
) -> bytes:
    """A camera's EXIF block: description, sizes, maker note, position, thumbnail."""
    block = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8))
    long_values: list[tuple[int, bytes]] = []

    def directory(fields: list[tuple[int, int, int, bytes | int]], following: int = 0) -> None:
        block.extend(struct.pack(order + "H", len(fields)))
        for tag, kind, number, value in sorted(fields):
            block.extend(struct.pack(order + "HHI", tag, kind, number))
            if isinstance(value, int):
                block.extend(struct.pack(order + ("H2x" if kind == 3 else "I"), value))
                continue
            if len(value) > 4:
                long_values.append((len(block), value))
            block.extend(value[:4].ljust(4, b"\0"))
        block.extend(struct.pack(order + "I", following))

    def flush() -> None:
        for place, value in long_values:
            block.extend(bytes(len(block) % 2))
            struct.pack_into(order + "I", block, place, len(block))
            block.extend(value)
        long_values.clear()

    make, when = b"Kamera AG\0", b"2024:05:06 07:08:09\0"
    main = [
        (0x0100, 4, 1, size[0]),
        (0x010F, 2, len(make), make),
        (0x011A, 5, 1, struct.pack(order + "II", 300, 1)),
        (0x8769, 4, 1, 0),
        (0x8825, 4, 1, 0),
    ]
    if orientation is not None:
        main.append((0x0112, 3, 1, orientation))
    directory(main)
    end_of_main = len(block)
    flush()

    def link(tag: int) -> None:
        """Let the main directory's field `tag` point here."""
        for place in range(10, end_of_main - 4, 12):
            if struct.unpack_from(order + "H", block, place)[0] == tag:
                struct.pack_into(order + "I", block, place + 8, len(block))

    link(0x8769)
    directory(
        [
            (0x9003, 2, len(when), when),
            (0x927C, 7, len(MAKER_NOTE), MAKER_NOTE),
            (0xA002, 4, 1, size[0]),
            (0xA003, 3, 1, size[1]),
        ]
    )
    flush()
    link(0x8825)
    directory(
        [(0x0001, 2, 2, b"N\0"), (0x0002, 5, 3, struct.pack(order + "6I", 48, 1, 8, 1, 0, 1))]
    )
    flush()
    if thumbnail:
        struct.pack_into(order + "I", block, end_of_main - 4, len(block))
        start = len(block) + 2 + 2 * 12 + 4
        directory([(0x0201, 4, 1, start), (0x0202, 4, 1, len(thumbnail))])
        block.extend(thumbnail)
    return bytes(block)


@pytest.fixture(scope="session")
def camera_exif():
    """`camera_exif(orientation, order="<", size=(1, 1), thumbnail=...)` -> an EXIF block."""
    return make_exif


@pytest.fixture(scope="session")
def make_profiles() -> SimpleNamespace:
    """The functions above, for tests that want a profile or curve of their own."""
    return SimpleNamespace(
        fixed=fixed,
        profile=make_profile,
        matrix_profile=make_matrix_profile,
        gamma_curve=gamma_curve,
        sampled_curve=sampled_curve,
        parametric_curve=parametric_curve,
        SRGB_CURVE=SRGB_CURVE,
        ICC_SRGB=ICC_SRGB,
    )
