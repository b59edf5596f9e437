from __future__ import annotations

import io

import pytest
from PIL import Image

from photostyle.image.formats import FORMATS
from photostyle.image.signature import SIGNATURE_BYTES, signature_of


@pytest.mark.parametrize("name", FORMATS)
def test_what_pillow_writes_is_recognised(name):
    file = io.BytesIO()
    Image.new("RGB", (9, 8)).save(file, name)
    assert signature_of(file.getvalue()[:SIGNATURE_BYTES]) == name


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypavis\0\0\0\0msf1miaf", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "RAW"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", None),
        (b"\xff\x0a\x7f", "JXL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
        (b"FUJIFILMCCD-RAW 0201", "RAW"),
        (b"II*\0\x10\0\0\0CR\x02\0", "RAW"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"II+\0\x08\0\0\0", "TIFF"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"GIF89a", None),
        (b"BM", None),
        (b"", None),
    ],
)
def test_first_bytes(start, expected):
    assert signature_of(start) == expected
