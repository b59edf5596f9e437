"""Kernels of bilateral slicing, in Triton's language.

Positions in the grid are those of `slice_torch`. A pixel's share in a cell is a product of three
tents, one for each axis: 1 at the cell's centre, 0 at its neighbours'.
"""

# mypy: ignore-errors

from photostyle.fused import kernel, kernel_part, tl


@kernel
def forward(
    image,
    weights,
    grid,
    out,
    pixels,
    width,
    first,
    height,
    segments,
    ny,
    nx,
    nz,
    BLOCK: tl.constexpr,
):
    """Interpolate a matrix for each pixel and apply it, without a plane of coefficients."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < pixels
    red, green, blue = _colours(image, pixel, inside)
    y, x, z = _position(pixel, red, green, blue, first, width, height, ny, nx, nz)
    y0, x0, z0 = _lower(y, ny), _lower(x, nx), _lower(z, nz)
    fy, fx, fz = y - y0, x - x0, z - z0
    # With a single cell the upper neighbour has no weight; it must exist all the same.
    dy, dx, dz = tl.minimum(ny - 1, 1), tl.minimum(nx - 1, 1), tl.minimum(nz - 1, 1)
    new_red = tl.zeros((BLOCK,), tl.float32)
    new_green = tl.zeros((BLOCK,), tl.float32)
    new_blue = tl.zeros((BLOCK,), tl.float32)
    for segment in range(segments):
        share = tl.load(weights + pixel.to(tl.int64) * segments + segment, mask=inside, other=0)
        visible = inside & (share > 0)
        for corner in tl.static_range(8):
            cy, cx, cz = corner // 4, corner // 2 % 2, corner % 2
            row, column, layer = y0 + cy * dy, x0 + cx * dx, z0 + cz * dz
            weight = share * (fy if cy else 1 - fy) * (fx if cx else 1 - fx)
            weight *= fz if cz else 1 - fz
            cell = grid + (((segment * ny + row) * nx + column) * nz + layer) * 12
            new_red += weight * _row_of_map(cell, red, green, blue, visible)
            new_green += weight * _row_of_map(cell + 4, red, green, blue, visible)
            new_blue += weight * _row_of_map(cell + 8, red, green, blue, visible)
    place = out + pixel.to(tl.int64) * 3
    tl.store(place, new_red, mask=inside)
    tl.store(place + 1, new_green, mask=inside)
    tl.store(place + 2, new_blue, mask=inside)


@kernel
def backward(
    image,
    weights,
    grad,
    out,
    width,
    height,
    segments,
    ny,
    nx,
    nz,
    BLOCK: tl.constexpr,
    LAYERS: tl.constexpr,
):
    """Gradient of one row of the maps in one column of cells: a fixed sum over their pixels."""
    cell, row_of_map, segment = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    cy, cx = cell // nx, cell % nx
    # Pixels whose tents reach the cell, one more on every side for rounding.
    top = tl.maximum((2 * cy - 1) * height // (2 * ny) - 1, 0)
    left = tl.maximum((2 * cx - 1) * width // (2 * nx) - 1, 0)
    bottom = tl.minimum((2 * cy + 3) * height // (2 * ny) + 2, height)
    right = tl.minimum((2 * cx + 3) * width // (2 * nx) + 2, width)
    columns = right - left
    count = (bottom - top) * columns
    layer = tl.arange(0, LAYERS)[None, :]
    of_red = tl.zeros((BLOCK, LAYERS), tl.float32)
    of_green = tl.zeros((BLOCK, LAYERS), tl.float32)
    of_blue = tl.zeros((BLOCK, LAYERS), tl.float32)
    of_one = tl.zeros((BLOCK, LAYERS), tl.float32)
    for begin in range(0, count, BLOCK):
        index = begin + tl.arange(0, BLOCK)
        inside = index < count
        pixel = (top + index // columns) * width + left + index % columns
        red, green, blue = _colours(image, pixel, inside)
        y, x, z = _position(pixel, red, green, blue, 0, width, height, ny, nx, nz)
        share = tl.load(weights + pixel.to(tl.int64) * segments + segment, mask=inside, other=0)
        share *= _tent(y - cy) * _tent(x - cx)
        share *= tl.load(grad + pixel.to(tl.int64) * 3 + row_of_map, mask=inside, other=0)
        reach = share[:, None] * _tent(z[:, None] - layer)
        of_red += reach * red[:, None]
        of_green += reach * green[:, None]
        of_blue += reach * blue[:, None]
        of_one += reach
    layer = tl.arange(0, LAYERS)
    place = out + (((segment * ny + cy) * nx + cx) * nz + layer) * 12 + row_of_map * 4
    tl.store(place, tl.sum(of_red, 0), mask=layer < nz)
    tl.store(place + 1, tl.sum(of_green, 0), mask=layer < nz)
    tl.store(place + 2, tl.sum(of_blue, 0), mask=layer < nz)
    tl.store(place + 3, tl.sum(of_one, 0), mask=layer < nz)


@kernel_part
def _colours(image, pixel, inside):
    """Red, green and blue of pixels."""
    place = image + pixel.to(tl.int64) * 3
    red = tl.load(place, mask=inside, other=0)
    green = tl.load(place + 1, mask=inside, other=0)
    return red, green, tl.load(place + 2, mask=inside, other=0)


@kernel_part
def _position(pixel, red, green, blue, first, width, height, ny, nx, nz):
    """Where pixels are in the grid, in cells: down, across, and by luma."""
    y = ((pixel // width + first) + 0.5) / height * ny - 0.5
    x = (pixel % width + 0.5) / width * nx - 0.5
    z = (0.299 * red + 0.587 * green + 0.114 * blue) * (nz - 1)
    return _clamp(y, ny), _clamp(x, nx), _clamp(z, nz)


@kernel_part
def _clamp(position, cells):
    """Positions beyond the outer centres belong to the outer cells."""
    return tl.minimum(tl.maximum(position, 0.0), cells - 1.0)


@kernel_part
def _lower(position, cells):
    """Lower of the two cells around a position."""
    return tl.minimum(position.to(tl.int32), tl.maximum(cells - 2, 0))


@kernel_part
def _tent(distance):
    """Weight of a cell so far away."""
    return tl.maximum(1 - tl.abs(distance), 0.0)


@kernel_part
def _row_of_map(place, red, green, blue, visible):
    """One row of a colour map, applied."""
    value = tl.load(place, mask=visible, other=0) * red
    value += tl.load(place + 1, mask=visible, other=0) * green
    value += tl.load(place + 2, mask=visible, other=0) * blue
    return value + tl.load(place + 3, mask=visible, other=0)
