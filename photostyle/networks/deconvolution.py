"""The deblurring generator: it finds out a photo's blur, undoes it, and tidies up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.networks.cepstra import GROUPS, WINDOW, mean_cepstra, windows
from photostyle.networks.repair import Residual
from photostyle.networks.wiener import REACH, Blur, wiener

SHUFFLE = 4
"""The convolutions work at this fraction of the photo's size, on so many squared pixels at once."""

KERNEL = 2 * REACH + 1

START_VARIANCE = 4.0
"""Of the blur that a new network sees in all photos, in squared pixels. It does not show, but makes
all pixels of the kernel count a little, so that they can learn."""

START_NOISE = -1.0, -8.0
"""Of a new network: see `Blur.noise`."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a network sees in whole photos."""

    blur: Blur
    """What has happened to them."""

    advice: Tensor
    """`B C`, added to the first convolution's results. How much there is to do, and how certain the
    blur is, the whole photo shows better than its parts."""


class DeconvolutionGenerator(nn.Module):
    """Undo a blur that is the same all over a photo.

    The logarithm of a blurred photo's power spectrum is the sharp one's plus that of the blur, and
    the mean of the former over many windows is much the same in all photos: so the blur can be read
    from the mean (Cannon 1976, Blind deconvolution of spatially invariant image blurs with phase).
    Here a small network reads it, and how much noise there is. Wiener's filter, one multiplication
    of Fourier transforms, brings the detail back, along with noise and ripples. Convolutions at a
    quarter of the size, which see the blurred photo too, say at each pixel how much of that to
    take, and what to change besides: 10 thousand multiply-adds a pixel with the default width.
    """

    def __init__(self, width: int = 48, blocks: int = 2, hidden: int = 192) -> None:
        """Make the network; it starts as the identity.

        Args:
            width: Channels of the convolutions.
            blocks: Residual blocks of two of them.
            hidden: Units of the layers that read cepstra.

        Raises:
            ValueError: One of these is no positive integer.
        """
        super().__init__()
        for name, value in (("width", width), ("blocks", blocks), ("hidden", hidden)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a positive integer, not {value!r}")
        self.reader = nn.Sequential(
            nn.Linear(len(GROUPS) * WINDOW * (WINDOW // 2 + 1), hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.blur = nn.Linear(hidden, KERNEL**2 + 2)
        self.advice = nn.Linear(hidden, width)
        pixels = SHUFFLE**2
        self.head = nn.Conv2d(6 * pixels, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.tail = nn.Conv2d(width, 4 * pixels, 3, padding=1)
        steps = torch.arange(-REACH, REACH + 1.0)
        distances = (steps.square() + steps[:, None].square()).flatten()
        with torch.no_grad():
            for layer in (self.blur, self.advice, self.tail):
                for parameter in layer.parameters():
                    parameter.zero_()
            self.blur.bias.copy_(
                torch.cat([distances / (-2 * START_VARIANCE), torch.tensor(START_NOISE)])
            )

    def look(self, luma: Tensor) -> Sight:
        """See what has happened to photos.

        Args:
            luma: `B N WINDOW WINDOW`, from `cepstra.windows`, of the whole photo or much of it.
        """
        # 8 bits are too few for logarithms.
        with torch.autocast(luma.device.type, enabled=False):
            read = self.reader(mean_cepstra(luma).flatten(1))
            found, advice = self.blur(read), self.advice(read)
        kernel = found[:, :-2].softmax(dim=1)
        # Spectra do not tell a blur from the same turned around; their mean is symmetric.
        kernel = (kernel + kernel.flip(1)) / 2
        return Sight(Blur(kernel.unflatten(1, (KERNEL, KERNEL)), found[:, -2:]), advice)

    def forward(self, photo: Tensor, sight: Sight | None = None) -> Tensor:
        """Deblur photos.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`; or a part of the photo.
            sight: What `look` saw in the whole of it; by default, what it sees in this part.

        Returns:
            `B 3 H W`, not clipped.
        """
        if sight is None:
            sight = self.look(windows(photo))
        photo = photo.contiguous()
        height, width = photo.shape[2:]
        sharp = wiener(photo, sight.blur)
        x = self.head(torch.cat([_unshuffled(photo), _unshuffled(sharp)], dim=1))
        x = F.relu(x.add_(sight.advice[:, :, None, None].to(x.dtype)), inplace=True)
        made = F.pixel_shuffle(self.tail(self.body(x)), SHUFFLE)[:, :, :height, :width].float()
        return torch.addcmul(photo, made[:, 3:], sharp - photo) + made[:, :3]


def _unshuffled(photos: Tensor) -> Tensor:
    """As `F.pixel_unshuffle`, `B C*S*S H/S W/S`, but of any size, and channels last at once."""
    if torch.is_autocast_enabled(photos.device.type):
        photos = photos.to(torch.get_autocast_dtype(photos.device.type))
    padding = (0, -photos.shape[3] % SHUFFLE, 0, -photos.shape[2] % SHUFFLE)
    if any(padding):
        photos = F.pad(photos, padding, mode="replicate")
    batch, channels, height, width = photos.shape
    shape = batch, channels, height // SHUFFLE, SHUFFLE, width // SHUFFLE, SHUFFLE
    pixels = photos.reshape(shape).permute(0, 2, 4, 1, 3, 5)
    return pixels.flatten(3).permute(0, 3, 1, 2)
