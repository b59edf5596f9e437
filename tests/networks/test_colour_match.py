from __future__ import annotations

import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.networks.colour_match import COLOURS, SIDE, matching_offsets, palette


def photo(seed=0, side=SIDE):
    torch.manual_seed(seed)
    ramp = torch.linspace(0, 1, side)
    plane = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side)])
    mixed = torch.einsum("ck,kyx->cyx", torch.rand(3, 2) / 2, plane)
    return (mixed + 0.1 * torch.rand(3, side, side)).clamp(0, 1)[None]


def unchanged(count=1, depth=4):
    return torch.eye(3, 4).expand(count, 16, 16, depth, 3, 4)


def applied(grids, offsets, pictures):
    grids = torch.cat([grids[..., :3], grids[..., 3:] + offsets[..., None]], -1)
    images = pictures.permute(0, 2, 3, 1).contiguous()
    whole = torch.ones_like(images[0, ..., :1])
    return torch.stack(
        [slice_apply(image, whole, grid[None]) for image, grid in zip(images, grids, strict=True)]
    ).permute(0, 3, 1, 2)


def apart(first, second):
    """Sliced Wasserstein distance of colours, in Lab units."""
    axes = random_directions(3, 12, torch.Generator().manual_seed(1))
    sides = [rgb_to_lab(each.clamp(0, 1)[0].flatten(1).T) @ axes for each in (first, second)]
    return sorted_distance(sides[0], sides[1].sort(0).values).item()


def test_a_palette_has_the_quantiles_of_its_photo():
    style = photo(1)[0]
    chosen = palette(style)
    assert chosen.shape == (COLOURS, 3)
    shares = torch.tensor([0.02, 0.25, 0.5, 0.75, 0.98])
    found, wanted = (torch.quantile(each, shares, 0) for each in (chosen, style.flatten(1).T))
    assert torch.allclose(found, wanted, atol=0.02)
    present = style.flatten(1).T
    assert all((present == colour).all(1).any() for colour in chosen[::50])


def test_even_a_tiny_photo_has_a_palette():
    assert set(palette(torch.tensor([[[0.0, 1.0]]] * 3)).flatten().tolist()) == {0.0, 1.0}


def test_results_have_the_colours_of_the_style():
    content, style = photo(0), 0.5 * photo(1) ** 2
    offsets = matching_offsets(content, unchanged(), palette(style[0]))
    assert offsets.shape == (1, 16, 16, 4, 3)
    result = applied(unchanged(), offsets, content)
    assert apart(result, style) < 0.12 * apart(content, style)


def test_what_has_the_colours_stays():
    offsets = matching_offsets(photo(), unchanged(), palette(photo()[0]))
    assert offsets.abs().max() < 0.03


def test_what_is_added_is_smooth_in_space():
    # One half is red, the other green, and the style is grey: the border stays sharp.
    halves = 0.2 + 0.1 * torch.rand(1, 3, SIDE, SIDE)
    halves[:, 0, :, : SIDE // 2] += 0.4
    halves[:, 1, :, SIDE // 2 :] += 0.4
    grey = torch.rand(1, 32, 32).expand(3, -1, -1)
    offsets = matching_offsets(halves, unchanged(), palette(grey))
    span = offsets.amax() - offsets.amin()
    for axis in (1, 2):
        assert offsets.diff(dim=axis).abs().max() < 0.35 * span
        assert offsets.diff(n=2, dim=axis).abs().max() < 0.2 * span


def test_thumbnails_of_other_sizes_give_the_same():
    large = photo().repeat_interleave(2, 2).repeat_interleave(2, 3)
    colours = palette(photo(1)[0])
    expected = matching_offsets(photo(), unchanged(), colours)
    assert torch.allclose(matching_offsets(large, unchanged(), colours), expected, atol=1e-4)


def test_photos_of_a_batch_do_not_mix():
    both = torch.cat([photo(0), 0.7 * photo(2)])
    colours = palette(photo(1)[0])
    expected = matching_offsets(both[1:], unchanged(), colours)
    found = matching_offsets(both, unchanged(2), colours)
    assert torch.allclose(found[1:], expected, atol=1e-3)


def test_grids_have_a_gradient_of_what_offsets_cannot_take_away():
    grids = unchanged().clone().requires_grad_()
    offsets = matching_offsets(photo(), grids, palette(photo(1)[0]))
    applied(grids, offsets, photo()).mean().backward()
    constant = grids.grad[..., 3].sum()
    # A constant is taken away again, all but what is held small.
    assert abs(constant) < 0.05
    slopes = torch.autograd.grad(
        applied(grids, matching_offsets(photo(), grids, palette(photo(1)[0])), photo())
        .square()
        .mean(),
        grids,
    )[0][..., :3]
    assert slopes.abs().sum() > 0


@pytest.mark.parametrize("flat", [0.0, 0.5, 1.0])
def test_flat_photos_give_numbers(flat):
    grey = torch.full((1, 3, SIDE, SIDE), flat)
    assert matching_offsets(grey, unchanged(), palette(photo()[0])).isfinite().all()
