"""What is kept of photos of every kind: format, bits, colours, profile and position.

Each cell of the matrix is a small file, made and read again without the package. It goes through
two filters of random weights in a batch; some go through a transfer as well. What a result lacks
must have been said, what is said must be lacking, and the table in README.md says the same.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from photostyle.batch import BatchConfig, Template, plan_batch, run_batch
from photostyle.cli import settings
from photostyle.cli.app import run as run_command_line
from photostyle.filters import FilterConfig, load_filters, repair
from photostyle.networks import RepairGenerator, ToneGenerator

_SPEC = importlib.util.spec_from_file_location(
    "matrix_files", Path(__file__).with_name("matrix_files.py")
)
files = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = files  # where dataclasses look for it
_SPEC.loader.exec_module(files)
Cell = files.Cell

README = Path(__file__).parents[1] / "README.md"

KINDS = {
    ("JPEG", 8): ("RGB", "grey", "CMYK", "YCCK"),
    ("PNG", 8): ("RGB", "RGBA", "grey", "grey+alpha", "palette", "1-bit"),
    ("PNG", 16): ("RGB", "RGBA", "grey", "grey+alpha"),
    ("TIFF", 8): ("RGB", "RGBA", "grey", "grey+alpha", "palette", "1-bit", "CMYK"),
    ("TIFF", 16): ("RGB", "RGBA", "grey", "grey+alpha", "CMYK"),
    ("TIFF", 32): ("RGB", "RGBA", "grey", "grey+alpha"),
    ("WebP", 8): ("RGB", "RGBA"),
    ("AVIF", 8): ("RGB", "RGBA", "grey"),
    ("AVIF", 10): ("RGB", "RGBA", "grey"),
    ("AVIF", 12): ("RGB",),
    ("HEIC", 8): ("RGB", "RGBA", "grey"),
    ("HEIC", 10): ("RGB", "RGBA", "grey"),
    ("HEIC", 12): ("RGB",),
    ("JPEG XL", 8): ("RGB", "RGBA", "grey", "grey+alpha"),
    ("JPEG XL", 16): ("RGB", "RGBA", "grey", "grey+alpha"),
    ("JPEG XL", 32): ("RGB", "RGBA", "grey", "grey+alpha"),
}
"""By format and bits a channel: the kinds of colours there are."""

COLOUR_PROFILES = ("Display P3", "Adobe RGB", "ProPhoto")

LOSSES = {
    "deeper bits": r"has (8|10|16) bits a channel, the photo had (16|32)$",
    "transparency (becomes white)": r"has no transparency; it became white$",
    "profiles (become sRGB)": r"is written without a colour profile, in sRGB$",
    "grey (becomes RGB)": r"has no such grey; it became sRGB|^it is not grey any more",
    "colours outside of sRGB": r"of the pixels have colours outside of sRGB, which were clipped$",
    "CMYK (becomes sRGB)": r"has no CMYK; it became sRGB$",
    "CMYK without a profile (becomes sRGB)": r"^it was converted from CMYK without a profile",
    "colours' resolution (of deeper bits)": r"has colours at half the resolution",
    "IPTC": r"has no place for IPTC data, which is not kept$",
}
"""What results may lack, and the words by which a warning says so."""


def _profiles(mode: str) -> tuple[str, ...]:
    if mode in ("CMYK", "YCCK"):
        return ("none", "inks")
    return ("none", "grey") if mode in ("grey", "grey+alpha", "1-bit") else (
        "none", *COLOUR_PROFILES
    )  # fmt: skip


def _cells() -> list[Cell]:
    """Every kind upright; RGB without a profile in all eight positions, all others in one more."""
    cells = []
    for (format_, depth), modes in KINDS.items():
        for mode in modes:
            for profile in _profiles(mode):
                plain = (mode, profile) == ("RGB", "none")
                turns = range(1, 9) if plain else (1, 6)
                cells += [Cell(format_, depth, mode, profile, turn) for turn in turns]
    # Of another resolution across than down.
    cells += [Cell(name, orientation=6, dpi=(300, 240)) for name in files.SUFFIXES]
    cells.append(Cell("JPEG XL", orientation=6, jpeg=True, iptc_within=True))
    cells = [cell for given in cells if (cell := _possible(given))]
    # Other encoders' colours than sRGB: stated by numbers, of which decoders make a profile.
    for depth in (16, 32):
        cells += [Cell("JPEG XL", depth, mode, "linear", 6) for mode in KINDS["JPEG XL", depth]]
    return cells


def _possible(cell: Cell) -> Cell | None:
    """The cell; another way to make it; or None where nothing at hand makes such a file."""
    if cell.format != "JPEG XL":
        return cell
    if cell.depth == 8 and cell.mode in ("RGB", "grey"):
        # Encoders at hand write profiles only as those of a JPEG file within.
        within = cell.profile != "none" or (cell.mode == "grey" and cell.orientation != 1)
        return replace(cell, jpeg=cell.jpeg or within)
    return cell if cell.profile == "none" and (cell.depth > 8 or cell.orientation == 1) else None


CELLS = _cells()

RICH = (
    *(Cell("TIFF", depth, "RGBA", "Display P3", 6) for depth in (8, 16, 32)),
    Cell("TIFF", 16, "grey+alpha", "grey", 6),
    Cell("TIFF", 8, "CMYK", "inks", 6),
    Cell("JPEG", 8, "RGB", "none", 6),  # its resolution is not in EXIF
)
"""What is written in every format."""

SAMPLES = tuple(next(cell for cell in CELLS if (cell.format, cell.depth) == kind) for kind in KINDS)
"""What goes through the transfer."""


@dataclass(frozen=True)
class Result:
    """What became of a cell's file."""

    path: Path
    warnings: tuple[str, ...]


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Files of a tone filter and of a repair filter with small random weights."""
    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    params = {"widths": [4], "encoder_blocks": [1], "decoder_blocks": []}
    made = {
        "tone": (ToneGenerator(2, depth=2), {"width": 2, "depth": 2}),
        "repair": (RepairGenerator(**params), params),
    }
    paths = []
    for kind, (network, given) in made.items():
        torch.nn.init.normal_(network.tail.weight, std=0.01)
        if kind == "tone":  # towards the middle of the range: nothing gets clipped
            maps = torch.cat([-0.1 * torch.eye(3), torch.full((3, 1), 0.05)], dim=1)
            with torch.no_grad():
                network.tail.bias.copy_(maps.flatten().repeat(2))
        about = {
            "name": kind, "kind": kind, "architecture": kind, "params": given, "license": "MIT",
            "trained_on": "nothing",
        }  # fmt: skip
        paths.append(str(folder / f"{kind}.safetensors"))
        save_file(network.state_dict(), paths[-1], {"photostyle": json.dumps(about)})
    return paths


@pytest.fixture(scope="module")
def chain(networks):
    """`chain(strength)` -> both filters, one after the other; loaded once."""
    chains = {
        strength: load_filters(networks, FilterConfig(strength=strength, device="cpu"))
        for strength in (0, 1)
    }
    return chains.__getitem__


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The files of all cells that can be made here."""
    folder = tmp_path_factory.mktemp("sources")
    paths = {}
    for cell in dict.fromkeys((*CELLS, *RICH, *SAMPLES)):
        if cell.missing is None:
            paths[cell] = folder / f"{cell}{files.SUFFIXES[cell.format]}"
            files.make_file(cell, paths[cell])
    return paths


def _batch(sources, chain, folder, extension=None):
    """Every source through a chain; a result each, or the batch's error."""
    plan = plan_batch(
        list(sources.values()), Template("{stem}{ext}", "matrix", extension), out_dir=folder
    )
    config = BatchConfig(jobs=1)
    with pytest.MonkeyPatch.context() as patch:
        # Threads inside of operations take many times as long to begin as such a photo.
        patch.setattr(repair, "cpu_threads", lambda: 1)
        results = run_batch(plan, chain.apply, config, report=lambda _result: None)
    assert [result.error for result in results if result.error] == []
    by_source = {result.source: Result(result.target, result.warnings) for result in results}
    return {cell: by_source[path] for cell, path in sources.items()}


@pytest.fixture(scope="module")
def filtered(sources, chain, tmp_path_factory):
    """`filtered(strength)` -> the results of all cells in their own formats."""
    done = {
        strength: _batch(sources, chain(strength), tmp_path_factory.mktemp(f"filtered{strength}"))
        for strength in (0, 1)
    }
    return done.__getitem__


@pytest.fixture(scope="module")
def converted(sources, chain, tmp_path_factory):
    """`converted(format)` -> the results of the rich cells in that format."""
    rich = {cell: sources[cell] for cell in RICH}
    done = {}

    def results(format_):
        if format_ not in done:
            folder = tmp_path_factory.mktemp("converted")
            done[format_] = _batch(rich, chain(0), folder, files.SUFFIXES[format_])
        return done[format_]

    return results


def _parameters(cells):
    return [_parameter(cell) for cell in cells]


def _parameter(cell):
    missing = pytest.mark.skipif(bool(cell.missing), reason=f"making it needs {cell.missing}")
    return pytest.param(cell, id=str(cell), marks=missing)


def lacking(cell, found, *, clips=True):
    """What a result of a cell lacks, by the names in `LOSSES`.

    Args:
        cell: The kind of file the result is made from.
        found: The result.
        clips: Whether values at the ends of their range can only come from colours outside of it.
    """
    profile = files.PROFILES[cell.profile]
    lost = set()
    if found.depth < cell.depth:
        lost.add("deeper bits")
    if cell.alpha and found.samples.shape[2] % 2:
        lost.add("transparency (becomes white)")
    deep_avif = found.format == "AVIF" and found.depth > 8
    if deep_avif and cell.format != "AVIF" and not found.grey:
        lost.add("colours' resolution (of deeper bits)")
    if cell.inks and not profile:
        lost.add("CMYK without a profile (becomes sRGB)")
    elif profile and found.profile != profile:
        if found.format == "JPEG XL":
            lost.add("profiles (become sRGB)")
        elif cell.inks:
            lost.add("CMYK (becomes sRGB)")
        else:
            lost.add("grey (becomes RGB)" if cell.grey else "profiles (become sRGB)")
        if clips and not cell.grey and _is_clipped(found):
            lost.add("colours outside of sRGB")
    if (found.taken, found.latitude) != (files.TAKEN, files.LATITUDE):
        lost.add("EXIF")
    if found.xmp != files.xmp_packet(1):
        lost.add("XMP")
    if cell.has_iptc and _records(found.iptc) != files.iptc_records():
        lost.add("IPTC")
    across, down = cell.dpi[::-1] if cell.orientation in (5, 6, 7, 8) else cell.dpi
    if not found.dpi or not np.allclose(found.dpi, (across, down), atol=0.01):
        lost.add("resolution")
    return lost


def _is_clipped(found):
    """Whether values lie at the ends of their range, where the scene has none."""
    values = found.values[..., :3]
    at_ends = (values == 0) | (values == 1)
    return bool(at_ends.any(axis=-1).mean() > 0.001)


def _records(iptc):
    # TIFF files may fill them up with zeros.
    return iptc.rstrip(b"\0") if iptc else None


def said(warnings):
    """What warnings tell, by the names in `LOSSES`; a warning that fits none stays itself."""
    told = set()
    for warning in warnings:
        names = {name for name, words in LOSSES.items() if re.search(words, warning)}
        told |= names or {warning}
    return told


def check_losses(cell, result, *, clips=True):
    """What is lacking was said, and nothing else."""
    found = files.read_file(result.path)
    lost, told = lacking(cell, found, clips=clips), said(result.warnings)
    assert told == lost
    assert len(result.warnings) == len(set(result.warnings)) >= len(lost)
    return found


def check_form(cell, found):
    """Size, bits, alpha and position."""
    upright = files.upright_samples(cell)
    assert found.samples.shape[:2] == upright.shape[:2]
    assert found.exif.get(0x0112, 1) == 1
    assert np.isfinite(found.samples).all()
    own = found.profile == files.PROFILES[cell.profile]
    channels = 4 if cell.inks and found.profile and own else 1 if found.grey else 3
    assert found.samples.shape[2] in (channels, channels + cell.alpha)


def _in_srgb(cell, found):
    profile = files.PROFILES[cell.profile]
    return found.profile != profile or (cell.inks and profile is None)


def check_values(cell, format_, found, source):
    """At strength 0 the pixels are those of the file."""
    exact = format_ in ("PNG", "TIFF")
    held = files.decoded_source(cell, source) if exact and not cell.lossless else None
    expected = files.expected_values(cell, to_srgb=_in_srgb(cell, found), samples=held)
    values = found.values
    # Of more than 8 bits, the encoder at hand writes no grey with alpha.
    if cell.grey and format_ != "WebP" and not (format_ == "AVIF" and cell.alpha):
        assert found.grey
    if cell.alpha and values.shape[2] % 2:
        expected = files.on_white(cell, expected, in_srgb=_in_srgb(cell, found))
    if cell.grey and not found.grey:
        expected = expected[..., [0, 0, 0, -1][: values.shape[2]]]
    if exact:
        tolerance = {8: 1 / 255, 16: 2 / 65535, 32: 1e-4}[found.depth]
        if cell.profile == "inks" and _in_srgb(cell, found):
            tolerance = 2 / 255  # there are several ways to interpolate in a table
        np.testing.assert_allclose(values, expected, atol=tolerance * 1.001)
        return
    converted = format_ != cell.format and not cell.lossless
    if converted or cell.inks:
        # Of another format, or one that codes these in its own way: what it really holds counts.
        to_srgb = _in_srgb(cell, found)
        held = files.decoded_source(cell, source)
        start = files.expected_values(cell, to_srgb=to_srgb, samples=held)
        own = files.round_trip(start, format_, 95, deep=found.depth > 8)
    else:
        own = files.round_trip(expected, format_, 98, 95, deep=found.depth > 8)
    colours = values.shape[2] - (cell.alpha and values.shape[2] % 2 == 0)
    bound = files.psnr(own[..., :colours], expected[..., :colours]) - 1.5
    reached = files.psnr(values[..., :colours], expected[..., :colours])
    assert reached > max(bound, 30)
    if values.shape[2] > colours:
        assert np.abs(values[..., -1] - expected[..., -1]).max() < 0.03


@pytest.mark.parametrize("cell", _parameters(CELLS))
def test_strength_0_keeps_everything_or_says_what_not(cell, sources, filtered):
    found = check_losses(cell, filtered(0)[cell])
    check_form(cell, found)
    check_values(cell, cell.format, found, sources[cell])


@pytest.mark.parametrize("cell", _parameters(CELLS))
def test_strength_1_changes_the_pixels_alone(cell, filtered):
    found = check_losses(cell, filtered(1)[cell])
    check_form(cell, found)
    before = files.read_file(filtered(0)[cell].path).samples
    assert found.samples.shape[:2] == before.shape[:2]
    assert found.samples.dtype == before.dtype
    assert not np.array_equal(found.samples[..., :1], before[..., :1])


def _conversions():
    for cell in RICH:
        for format_ in files.SUFFIXES:
            needed = " and ".join(files.EXTRAS.get(format_, ()))
            marks = pytest.mark.skipif(_is_missing(format_), reason=f"{format_} needs {needed}")
            yield pytest.param(cell, format_, id=f"{cell}-to-{format_}", marks=marks)


def _is_missing(format_):
    return any(importlib.util.find_spec(name) is None for name in files.EXTRAS.get(format_, ()))


@pytest.mark.parametrize(("cell", "format_"), list(_conversions()))
def test_another_format_keeps_everything_or_says_what_not(cell, format_, sources, converted):
    found = check_losses(cell, converted(format_)[cell])
    check_form(cell, found)
    check_values(cell, format_, found, sources[cell])


@pytest.mark.parametrize("strength", [0, 1])
@pytest.mark.parametrize("cell", _parameters(SAMPLES))
def test_a_transfer_keeps_the_same(cell, strength, sources, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(settings, "user_file", lambda: tmp_path / "none.toml")
    style = sources[Cell("PNG", 8, "RGB", "none", 6)]
    target = tmp_path / f"a{files.SUFFIXES[cell.format]}"
    words = ["transfer", sources[cell], style, "-o", target, "--strength", strength]
    words += ["--iterations", 1, "--size", 64, "--no-provenance", "--device", "cpu", "--json"]
    assert run_command_line([str(word) for word in words]) == 0
    told = json.loads(capfd.readouterr().out)["warnings"]
    warnings = [text.removeprefix(f"{path}: ") for text in told for path in (sources[cell], target)
                if text.startswith(f"{path}: ")]  # fmt: skip
    assert len(warnings) == len(told)
    found = check_losses(cell, Result(target, tuple(warnings)), clips=strength == 0)
    check_form(cell, found)
    if strength == 0:
        check_values(cell, cell.format, found, sources[cell])
    else:
        expected = files.expected_values(cell, to_srgb=_in_srgb(cell, found))
        assert np.abs(found.values[..., :1] - expected[..., :1]).max() > 0.02


def test_the_table_in_the_readme_says_the_same(filtered, converted):
    table = _table(README.read_text())
    assert list(table) == list(files.SUFFIXES)
    told = set()
    for format_ in files.SUFFIXES:
        if any(cell.missing for cell in CELLS if cell.format == format_):
            continue
        own = {cell: result for cell, result in filtered(0).items() if cell.format == format_}
        row = _row(format_, own, converted(format_))
        assert table[format_] == row, format_
        told.update(row["lost, with a warning"].split(", "))
    if all(cell.missing is None for cell in CELLS):
        assert told - {"nothing"} == set(LOSSES)


def _table(text):
    """The table of the section "Formats", by format and by heading."""
    section = text.split("\n## Formats\n")[1].split("\n## ")[0]
    heading, _, *rows = (
        [part.strip() for part in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    )
    return {row[0]: dict(zip(heading[1:], row[1:], strict=True)) for row in rows}


def _row(format_, own, others):
    """What the results of a format show.

    Args:
        format_: The format.
        own: Results by cell, of this format's files.
        others: Results by cell, of the rich files.
    """
    found = {cell: files.read_file(result.path) for cell, result in {**own, **others}.items()}
    rich = RICH[0]
    lost = lacking(rich, found[rich]) | lacking(RICH[-1], found[RICH[-1]])
    told = set().union(*(said(result.warnings) for result in (*own.values(), *others.values())))

    def kept(name):
        return "no" if name in lost else "yes"

    resolution = kept("resolution")
    if resolution == "yes" and format_ not in files.RESOLUTION_PLACES:
        resolution = "in EXIF"
    modes = dict.fromkeys(mode for kind, modes in KINDS.items() if kind[0] == format_
                          for mode in modes)  # fmt: skip
    return {
        "bits read": _bits(cell.depth for cell in own),
        "colours read": ", ".join(mode for mode in modes if mode not in ("RGBA", "grey+alpha")),
        "bits written": _bits(each.depth for each in found.values()),
        "alpha": kept("transparency (becomes white)"),
        "profile": "yes" if found[rich].profile == files.PROFILES[rich.profile] else "no",
        "EXIF": kept("EXIF"),
        "XMP": kept("XMP"),
        "IPTC": kept("IPTC"),
        "resolution": resolution,
        "lost, with a warning": ", ".join(n for n in LOSSES if n in told) or "nothing",
    }


def _bits(depths):
    return ", ".join("float" if depth == 32 else str(depth) for depth in sorted(set(depths)))
