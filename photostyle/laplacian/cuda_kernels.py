"""Kernels of the matting Laplacian for windows of 3 x 3 pixels, in Triton's language.

Of a product, a program is one warp. It walks down a strip of the photo, a thread to a column, with
the pixels of three rows and three columns around it in registers: 24 bytes are read and 12 written
per pixel for three channels, and each window is fitted once. A window's residuals go to its nine
pixels: down the rows they add up in the thread's own registers, across the columns they are handed
to the threads beside it. Strips overlap by two rows and two columns, whose windows are fitted
twice.

Differences are centred inside the window, and Delta is factorised, never inverted: so far float32
carries even where epsilon is small.

Tuples hold what a thread has of several planes or pixels. "Top", "middle" and "bottom" are rows of
a window, three pixels of each plane; differences are nine of each plane.
"""

# mypy: ignore-errors

from photostyle.fused import kernel, kernel_part, tl


@kernel
def product(
    guide,
    p,
    statistics,
    out,
    parts,
    channels,
    height,
    width,
    rows,
    epsilon,
    COLUMNS: tl.constexpr,
    CHANNELS: tl.constexpr,
    STORED: tl.constexpr,
    PRODUCT: tl.constexpr,
    ENERGY: tl.constexpr,
    UNROLL: tl.constexpr,
):
    """L p and the parts of p^T L p in a strip: output rows first <= y < last."""
    tile, strip, image = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    lane = tl.arange(0, COLUMNS)
    x = tile * (COLUMNS - 2) - 1 + lane
    own = (lane > 0) & (lane < COLUMNS - 1) & (x < width)
    first = strip * rows
    last = tl.minimum(first + rows, height)
    size = height * width
    guide += image.to(tl.int64) * 3 * size
    statistics += image.to(tl.int64) * 9 * size
    p += image.to(tl.int64) * channels * size
    out += image.to(tl.int64) * channels * size

    # Windows by their middle row; those in the first and last row of the photo do not exist.
    begin = tl.maximum(first - 1, 1)
    end = tl.minimum(last + 1, height - 1)
    top = _row(guide, p, begin - 1, x, height, width, CHANNELS)
    middle = _row(guide, p, begin, x, height, width, CHANNELS)
    bottom = _row(guide, p, begin + 1, x, height, width, CHANNELS)
    top_sums = _sums(top, 3 + CHANNELS)
    middle_sums = _sums(middle, 3 + CHANNELS)
    zero = tl.zeros((COLUMNS,), tl.float32)
    energy = zero
    above = (zero,) * (3 * CHANNELS)
    level = (zero,) * (3 * CHANNELS)
    # Unrolled, there is less to move from the registers of one row to those of the next.
    for y in tl.range(begin, end, loop_unroll_factor=UNROLL):
        ahead = _row(guide, p, y + 2, x, height, width, CHANNELS)
        bottom_sums = _sums(bottom, 3 + CHANNELS)
        # Where there is no window p is 0, and so are its residuals.
        if STORED:
            fit = _load(statistics, y, x, height, width, 9)
            colours = _centre(top, middle, bottom, fit, 0, 3)
        else:
            mean = _means(top_sums, middle_sums, bottom_sums, 0, 3)
            colours = _centre(top, middle, bottom, mean, 0, 3)
            fit = mean + _factorise(colours, epsilon)
        residuals = ()
        loss = zero
        for c in tl.static_range(CHANNELS):
            mean = _means(top_sums, middle_sums, bottom_sums, 3 + c, 1)
            values = _centre(top, middle, bottom, mean, 3 + c, 1)
            a0, a1, a2 = _slopes(colours, values, fit)
            for k in tl.static_range(9):
                residual = values[k] - a0 * colours[k] - a1 * colours[9 + k] - a2 * colours[18 + k]
                residuals += (residual,)
                loss += residual * residual
            loss += epsilon * (a0 * a0 + a1 * a1 + a2 * a2)
        if ENERGY:
            energy += tl.where((y >= first) & (y < last), loss, 0)
        if PRODUCT:
            below = ()
            finished = ()
            started = ()
            for c in tl.static_range(CHANNELS):
                for k in tl.static_range(3):
                    finished += (above[3 * c + k] + residuals[9 * c + k],)
                    started += (level[3 * c + k] + residuals[9 * c + 3 + k],)
                    below += (residuals[9 * c + 6 + k],)
            _store(out, finished, y - 1, x, own, first, last, height, width, COLUMNS, CHANNELS)
            above = started
            level = below
        top, top_sums = middle, middle_sums
        middle, middle_sums = bottom, bottom_sums
        bottom = ahead
    if PRODUCT:
        _store(out, above, end - 1, x, own, first, last, height, width, COLUMNS, CHANNELS)
        _store(out, level, end, x, own, first, last, height, width, COLUMNS, CHANNELS)
    if ENERGY:
        part = (image * tl.num_programs(1) + strip) * tl.num_programs(0) + tile
        tl.store(parts + part, tl.sum(tl.where(own, energy, 0), 0))


@kernel
def fit_guide(guide, out, height, width, epsilon, BLOCK: tl.constexpr):
    """Mean and factors of the windows in the middle of which each pixel lies, 9 planes."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    size = height * width
    y, x = pixel // width, pixel % width
    guide += image * 3 * size
    top = _load_three(guide, y - 1, x, height, width, 3)
    middle = _load_three(guide, y, x, height, width, 3)
    bottom = _load_three(guide, y + 1, x, height, width, 3)
    mean = _means(_sums(top, 3), _sums(middle, 3), _sums(bottom, 3), 0, 3)
    fit = mean + _factorise(_centre(top, middle, bottom, mean, 0, 3), epsilon)
    for i in tl.static_range(9):
        tl.store(out + (image * 9 + i) * size + pixel, fit[i], mask=pixel < size)


@kernel
def diagonal(guide, statistics, out, height, width, BLOCK: tl.constexpr):
    """What every window leaves of a unit impulse at one of its pixels, summed over its windows."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    size = height * width
    y, x = pixel // width, pixel % width
    guide += image * 3 * size
    statistics += image * 9 * size
    inside = pixel < size
    i0 = tl.load(guide + pixel, mask=inside, other=0)
    i1 = tl.load(guide + size + pixel, mask=inside, other=0)
    i2 = tl.load(guide + 2 * size.to(tl.int64) + pixel, mask=inside, other=0)
    total = tl.zeros((BLOCK,), tl.float32)
    for k in tl.static_range(9):
        row, column = y + k // 3 - 1, x + k % 3 - 1
        fit = _load(statistics, row, column, height, width, 9)
        y0, y1, y2 = _forward(i0 - fit[0], i1 - fit[1], i2 - fit[2], fit)
        length = y0 * y0 * fit[6] + y1 * y1 * fit[7] + y2 * y2 * fit[8]
        window = _is_window(row, column, height, width)
        total += tl.where(window, 8 / 9 - length, 0)
    tl.store(out + image * size + pixel, total, mask=inside)


@kernel_part
def _is_window(y, x, height, width):
    """Whether the window around a pixel lies inside the photo."""
    y += 0 * x
    return (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)


@kernel_part
def _load(planes, y, x, height, width, COUNT: tl.constexpr):
    """Values of planes at a pixel, 0 where it is in the middle of no window."""
    values = ()
    window = _is_window(y, x, height, width)
    for c in tl.static_range(COUNT):
        place = planes + c * (height * width).to(tl.int64) + y * width + x
        values += (tl.load(place, mask=window, other=0),)
    return values


@kernel_part
def _load_three(planes, y, x, height, width, COUNT: tl.constexpr):
    """Values of planes at a pixel and both beside it, 0 where they do not belong to a window."""
    values = ()
    y += 0 * x
    inside = (y >= 0) & (y < height) & (x > 0) & (x < width - 1)
    for c in tl.static_range(COUNT):
        for k in tl.static_range(3):
            place = planes + c * (height * width).to(tl.int64) + y * width + x + (k - 1)
            values += (tl.load(place, mask=inside, other=0),)
    return values


@kernel_part
def _row(guide, p, y, x, height, width, CHANNELS: tl.constexpr):
    """A row of windows: three pixels of each plane of guide and p."""
    return _load_three(guide, y, x, height, width, 3) + _load_three(
        p, y, x, height, width, CHANNELS
    )


@kernel_part
def _sums(row, COUNT: tl.constexpr):
    """Sum over a row of the window, of each channel."""
    sums = ()
    for c in tl.static_range(COUNT):
        sums += (row[3 * c] + row[3 * c + 1] + row[3 * c + 2],)
    return sums


@kernel_part
def _means(top, middle, bottom, FIRST: tl.constexpr, COUNT: tl.constexpr):
    """Mean over the window, from sums over its rows, of some channels."""
    means = ()
    for c in tl.static_range(FIRST, FIRST + COUNT):
        means += ((top[c] + middle[c] + bottom[c]) * (1 / 9),)
    return means


@kernel_part
def _centre(top, middle, bottom, means, FIRST: tl.constexpr, COUNT: tl.constexpr):
    """Differences to the means, nine of each channel."""
    values = ()
    for c in tl.static_range(COUNT):
        for k in tl.static_range(3):
            values += (top[3 * (FIRST + c) + k] - means[c],)
        for k in tl.static_range(3):
            values += (middle[3 * (FIRST + c) + k] - means[c],)
        for k in tl.static_range(3):
            values += (bottom[3 * (FIRST + c) + k] - means[c],)
    return values


@kernel_part
def _comoment(u, v, U: tl.constexpr, V: tl.constexpr):
    """Sum of products of the differences in channels U of u and V of v: n times a covariance."""
    total = u[9 * U] * v[9 * V]
    for k in tl.static_range(1, 9):
        total += u[9 * U + k] * v[9 * V + k]
    return total


@kernel_part
def _factorise(colours, epsilon):
    """N Delta = L D L^T: l10, l20, l21, 1 / d0, 1 / d1, 1 / d2, no d smaller than epsilon."""
    c10 = _comoment(colours, colours, 1, 0)
    c20 = _comoment(colours, colours, 2, 0)
    inverse0 = 1 / (_comoment(colours, colours, 0, 0) + epsilon)
    l10 = c10 * inverse0
    l20 = c20 * inverse0
    d1 = _comoment(colours, colours, 1, 1) + epsilon - l10 * c10
    inverse1 = 1 / tl.maximum(d1, epsilon)
    u21 = _comoment(colours, colours, 2, 1) - l20 * c10
    l21 = u21 * inverse1
    d2 = _comoment(colours, colours, 2, 2) + epsilon - l20 * c20 - l21 * u21
    return l10, l20, l21, inverse0, inverse1, 1 / tl.maximum(d2, epsilon)


@kernel_part
def _forward(c0, c1, c2, fit):
    """Solve L y = c."""
    y1 = c1 - fit[3] * c0
    return c0, y1, c2 - fit[4] * c0 - fit[5] * y1


@kernel_part
def _slopes(colours, values, fit):
    """Slopes a = Delta^-1 cov(I, p)."""
    y0, y1, y2 = _forward(
        _comoment(colours, values, 0, 0),
        _comoment(colours, values, 1, 0),
        _comoment(colours, values, 2, 0),
        fit,
    )
    a2 = y2 * fit[8]
    a1 = y1 * fit[7] - fit[5] * a2
    return y0 * fit[6] - fit[3] * a1 - fit[4] * a2, a1, a2


@kernel_part
def _store(
    out,
    sums,
    y,
    x,
    own,
    first,
    last,
    height,
    width,
    COLUMNS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Add up what three threads have for a column, and write the row if first <= y < last."""
    lane = tl.arange(0, COLUMNS)
    y += 0 * x
    own &= (y >= first) & (y < last)
    left, right = tl.maximum(lane - 1, 0), tl.minimum(lane + 1, COLUMNS - 1)
    for c in tl.static_range(CHANNELS):
        total = sums[3 * c + 1] + tl.gather(sums[3 * c], right, 0)
        total += tl.gather(sums[3 * c + 2], left, 0)
        place = out + c * (height * width).to(tl.int64) + y * width + x
        tl.store(place, total, mask=own)
