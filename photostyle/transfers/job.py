"""The main job: one photo, the look of another, at full size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import cpu_threads
from photostyle.device import operator_threads, resolve_device
from photostyle.errors import ModelError, PhotoError, UsageError
from photostyle.features import AdeKinds, SceneParser, UperNet, Vgg19
from photostyle.image import Photo, read_photo, resize
from photostyle.image.masks import check_mask_shape
from photostyle.progress import Progress, ProgressCallback, silent
from photostyle.registry import find_entry, load_encoder, load_networks, load_parser
from photostyle.transfers.config import Solver, TransferConfig
from photostyle.transfers.idt import fit_idt
from photostyle.transfers.joint_segments import joint_labels
from photostyle.transfers.luan import fit_gatys, fit_luan
from photostyle.transfers.mkl import fit_mkl
from photostyle.transfers.scene_kinds import SEEN, kinds_of_places
from photostyle.transfers.segments import (
    Segments,
    masks_of,
    segments_from_labels,
    segments_from_masks,
    single_segment,
)
from photostyle.transfers.skin import is_grey, skin_of
from photostyle.transfers.solver import fit_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch
    from torch import nn

Image = NDArray[np.float32]
Source = Photo | Path | str | NDArray[Any]

_SMALLEST = 16
_SCENES = "segments-ade20k"  # the model that says what photos show
_TERMS = 4  # of the objective that take time, and are computed side by side
_CPU_ONLY = ("mkl", "idt")  # solvers that take a second there


class Fitted(Protocol):
    """A look, however it was found."""

    def blocks(self, content: Image, strength: float) -> Iterator[tuple[int, Image]]:
        """First row and pixels of consecutive blocks of rows of the photo `H W 3`, changed."""


@dataclass(frozen=True)
class Pair:
    """What every solver is given."""

    content: Image
    """`H W 3` in [0, 1], at the size of the fit."""

    style: Image
    """`h w 3` in [0, 1]."""

    segments: Segments
    """Which part of the content goes with which part of the style."""

    skin: tuple[Image, Image] | None
    """`H W` and `h w` in [0, 1], how surely content and style show skin; None where its colours
    are free."""


@dataclass(frozen=True)
class TransferResult:
    """What a transfer returns."""

    photo: Photo
    """The content with its new look: full size, the content's metadata and bit depth."""

    warnings: tuple[str, ...]
    """What the user should know, one line each."""

    device: str
    """Where the look was fitted."""

    seconds: float
    """Wall time, reading included."""

    masks: tuple[Photo, Photo]
    """The segments of content and style, colour-coded, at the size of the fit: what `transfer`
    takes as masks."""


def transfer(
    content: Source,
    style: Source,
    *,
    content_mask: Source | None = None,
    style_mask: Source | None = None,
    config: TransferConfig | None = None,
    progress: ProgressCallback = silent,
) -> TransferResult:
    """Give a photo the look of another one.

    Args:
        content: The photo to change: a path, a `Photo`, or an `H W 3` array (uint8, uint16, or
            floating point in [0, 1]), sRGB-encoded.
        style: The photo whose look is wanted, likewise.
        content_mask: Colour-coded segments of the content, any size of its shape; the colours are
            black, white, red, green, blue, yellow, magenta, cyan and grey.
        style_mask: The same for the style. The same colour means the same segment.
        config: Settings; the defaults when None.
        progress: Called with the stages `"fit"` (`"style"` and `"photorealism"` for `luan`) and
            `"apply"`.

    Returns:
        The result.

    Raises:
        PhotoError: A photo cannot be read or is smaller than 16 pixels.
        UsageError: Only one mask is given, or a mask has not the shape of its photo.
        DeviceError: The device is not there.
        ModelError: The solver needs a model that is missing and cannot be downloaded.
    """
    start = time.perf_counter()
    config = config or TransferConfig()
    device = resolve_device(config.device)
    if config.solver in _CPU_ONLY:
        device = resolve_device("cpu")
    if (content_mask is None) != (style_mask is None):
        raise UsageError("give both masks, or none: segments are pairs")
    photo, style_photo = _photo(content, "content"), _photo(style, "style")
    small, small_style = (_shrunk(p.floats(), config.size) for p in (photo, style_photo))
    kinds: list[Image] = []
    if content_mask is not None and style_mask is not None:
        segments = _from_masks(photo, style_photo, small, small_style, content_mask, style_mask)
    elif config.segment == "none":
        segments = single_segment(small, small_style)
    else:
        parser = _parser(config, device, progress)
        kinds = [_kinds(whole, parser) for whole in (photo, style_photo)]
        labels = joint_labels(small, small_style, load_encoder(), kinds)
        segments = segments_from_labels(small, *labels)
    keeps_skin = config.keep_skin if config.keep_skin is not None else not segments.drawn
    uses_skin = keeps_skin and config.solver == "grid" and config.weights.skin
    skin = _skin((photo, style_photo), small, small_style, kinds) if uses_skin else None
    pair = Pair(small, small_style, segments, skin)
    look = _SOLVERS[config.solver](pair, config, device, progress)

    height = len(photo.pixels)
    pixels = np.empty(photo.pixels.shape, np.float32)
    for first, block in look.blocks(photo.floats(), config.strength):
        pixels[first : first + len(block)] = block
        progress(Progress("apply", first + len(block), height))
    return TransferResult(
        photo=photo.with_pixels(pixels),
        warnings=(*photo.warnings, *style_photo.warnings, *segments.warnings),
        device=str(device),
        seconds=time.perf_counter() - start,
        masks=_drawn(segments, small, small_style),
    )


def _photo(source: Source, what: str) -> Photo:
    if isinstance(source, np.ndarray):
        photo = Photo.from_array(source)
    else:
        photo = source if isinstance(source, Photo) else read_photo(source)
    height, width = photo.pixels.shape[:2]
    if min(height, width) < _SMALLEST:
        name = f" ({source})" if isinstance(source, Path | str) else ""
        raise PhotoError(
            f"the {what} photo{name} is {width}x{height} pixels: "
            f"at least {_SMALLEST}x{_SMALLEST} are needed"
        )
    return photo


def _shrunk(pixels: Image, size: int) -> Image:
    """A copy in [0, 1] with long side `size`; larger for a panorama, lest it become a thread."""
    longest, shortest = max(pixels.shape[:2]), min(pixels.shape[:2])
    small = resize(pixels, min(longest, max(size, -(-_SMALLEST * longest // shortest))))
    return np.require(np.clip(small, 0, 1), requirements=("C", "W"))


def _parser(
    config: TransferConfig, device: torch.device, progress: ProgressCallback
) -> SceneParser | AdeKinds:
    """The network that says what photos show: the bundled one, or that of `ade20k`."""
    if config.segment != "ade20k":
        return load_parser()
    network = load_networks(find_entry(_SCENES), offline=config.offline, progress=progress)[0]
    assert isinstance(network, UperNet)  # noqa: S101 - for the type checker
    return AdeKinds(network).to(device)


def _kinds(photo: Photo, parser: nn.Module) -> Image:
    """What the places of a photo show."""
    return kinds_of_places(_shrunk(photo.floats(), SEEN), parser)


def _skin(
    photos: tuple[Photo, Photo], content: Image, style: Image, kinds: Sequence[Image]
) -> tuple[Image, Image] | None:
    """Where both photos show skin, if the content does and the style has colours.

    Args:
        photos: Content and style.
        content: `H W 3` in [0, 1], at the size of the fit.
        style: `h w 3` in [0, 1].
        kinds: What their places show, if that is known already.
    """
    if is_grey(style):
        return None
    ours = skin_of(content, kinds[0] if kinds else _kinds(photos[0], load_parser()))
    if not ours.any():
        return None
    return ours, skin_of(style, kinds[1] if kinds else _kinds(photos[1], load_parser()))


def _drawn(segments: Segments, small: Image, small_style: Image) -> tuple[Photo, Photo]:
    content, style = (
        Photo.from_array((255 * mask).round().astype(np.uint8))
        for mask in masks_of(segments, small.shape[:2], small_style.shape[:2])
    )
    return content, style


def _from_masks(
    content: Photo,
    style: Photo,
    small: Image,
    small_style: Image,
    content_mask: Source,
    style_mask: Source,
) -> Segments:
    masks = []
    for source, photo, what in ((content_mask, content, "content"), (style_mask, style, "style")):
        mask = _photo(source, f"{what} mask").floats()
        check_mask_shape(mask, photo.pixels, what)
        masks.append(mask)
    return segments_from_masks(small, small_style, *masks)


def _grid(
    pair: Pair, config: TransferConfig, device: torch.device, progress: ProgressCallback
) -> Fitted:
    encoder = load_encoder() if config.weights.texture or config.weights.content else None
    with operator_threads(max(1, cpu_threads() // _TERMS)):
        return fit_look(
            pair.content, pair.style, pair.segments, config, device, progress, encoder, pair.skin
        )


def _luan(
    pair: Pair, config: TransferConfig, device: torch.device, progress: ProgressCallback
) -> Fitted:
    network = _vgg19(config, progress)
    return fit_luan(pair.content, pair.style, pair.segments, config, device, progress, network)


def _gatys(
    pair: Pair, config: TransferConfig, device: torch.device, progress: ProgressCallback
) -> Fitted:
    network = _vgg19(config, progress)
    return fit_gatys(pair.content, pair.style, pair.segments, config, device, progress, network)


def _mkl(pair: Pair, _: TransferConfig, __: torch.device, progress: ProgressCallback) -> Fitted:
    look = fit_mkl(pair.content, pair.style, pair.segments)
    progress(Progress("fit", 1, 1))
    return look


def _idt(pair: Pair, config: TransferConfig, _: torch.device, progress: ProgressCallback) -> Fitted:
    return fit_idt(pair.content, pair.style, pair.segments, config, progress)


def _vgg19(config: TransferConfig, progress: ProgressCallback) -> Vgg19:
    """The network of `luan` and `gatys`."""
    entry = find_entry(config.features)
    if entry.architecture != "vgg19":  # said before anything is downloaded for nothing
        raise ModelError(
            f"model '{entry.name}' is not a vgg19 but a '{entry.architecture}', which the solver "
            f"{config.solver} cannot use"
        )
    network = load_networks(entry, offline=config.offline, progress=progress)[0]
    assert isinstance(network, Vgg19)  # noqa: S101 - for the type checker
    return network


_SOLVERS: Mapping[
    Solver, Callable[[Pair, TransferConfig, torch.device, ProgressCallback], Fitted]
] = {"grid": _grid, "luan": _luan, "gatys": _gatys, "mkl": _mkl, "idt": _idt}
