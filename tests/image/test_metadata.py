from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.image import Photo, exif, read_photo, write_photo
from photostyle.image.metadata import Made, with_metadata

NOW = datetime(2026, 11, 21, 11, 6, tzinfo=UTC)
MADE = Made("photostyle 0.1.0", "filter denoise", NOW, ("denoise@0123abcd",))


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


CAPTION = dataset(0, b"\0\4") + dataset(120, "Tür".encode()) + dataset(25, b"door")
PLACES = b"".join(
    dataset(number, b"Munich") for number in (26, 27, 90, 92, 95, 100, 101)
)  # fmt: skip
OTHER_RECORD = dataset(90, b"\x1b%G", record=1)  # the character set, numbered like a city

PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' exif:GPSLatitude="48,8.0N"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">Tür</rdf:li>'
    "</rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


@pytest.fixture
def photo(camera_exif) -> Photo:
    return Photo(
        np.full((4, 5, 3), 0.5, np.float32),
        exif=camera_exif(1),
        xmp=PACKET,
        iptc=OTHER_RECORD + CAPTION + PLACES + CAPTION,
        icc_profile=b"a profile",
        dpi=(300.0, 300.0),
        comments=(b"a comment",),
        georeference=((33550, 12, [0.5, 0.5, 0.0]),),
        warnings=("an earlier one",),
    )


def test_keep_leaves_everything_as_it_is(photo):
    kept = with_metadata(photo, "keep")
    assert (kept.exif, kept.xmp, kept.iptc) == (photo.exif, photo.xmp, photo.iptc)
    assert (kept.comments, kept.georeference) == (photo.comments, photo.georeference)
    assert kept.warnings == ("an earlier one",)
    assert kept.pixels is photo.pixels


def test_strip_leaves_the_profile_and_the_resolution_only(photo):
    stripped = with_metadata(photo, "strip", MADE)
    assert (stripped.exif, stripped.xmp, stripped.iptc) == (None, None, None)
    assert (stripped.comments, stripped.georeference) == ((), ())
    assert (stripped.icc_profile, stripped.dpi) == (b"a profile", (300.0, 300.0))


def test_no_gps_leaves_out_where_the_photo_was_taken_and_nothing_else(photo):
    private = with_metadata(photo, "no-gps")
    assert private.exif == exif.without_position(photo.exif)
    assert private.exif != photo.exif
    assert b"GPS" not in private.xmp
    assert "Tür".encode() in private.xmp
    assert private.iptc == OTHER_RECORD + CAPTION + CAPTION
    assert (private.comments, private.georeference) == (photo.comments, ())
    assert private.warnings == ("an earlier one",)


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_iptc_that_only_names_places_becomes_none(photo, padding):
    private = with_metadata(replace(photo, iptc=PLACES + bytes(padding)), "no-gps")
    assert private.iptc is None
    assert private.warnings == ("an earlier one",)


def test_long_iptc_records_are_understood(photo):
    def long_one(number: int, value: bytes) -> bytes:
        return struct.pack(">BBBHI", 0x1C, 2, number, 0x8004, len(value)) + value

    image, place = long_one(202, b"\x1c\x02\x5a" * 20_000), long_one(90, b"m" * 40_000)
    assert with_metadata(replace(photo, iptc=image + place), "no-gps").iptc == image


@pytest.mark.parametrize(
    "records",
    [b"8BIM", CAPTION + b"\x1c\2", CAPTION + dataset(90, b"Munich")[:-1], CAPTION + b"\0\1"],
    ids=["others", "cut", "cut value", "more"],
)
def test_iptc_that_cannot_be_searched_is_not_kept(photo, records):
    private = with_metadata(replace(photo, iptc=records), "no-gps")
    assert private.iptc is None
    assert private.warnings[1:] == (
        "its IPTC data is damaged and may tell the place, so it is not kept",
    )
    assert with_metadata(replace(photo, iptc=records), "keep").iptc == records


def test_exif_and_xmp_that_cannot_be_searched_are_not_kept(photo):
    broken = replace(photo, exif=photo.exif[:30], xmp=photo.xmp[:-5])
    private = with_metadata(broken, "no-gps")
    assert (private.exif, private.xmp) == (None, None)
    assert [text.split()[1] for text in private.warnings[1:]] == ["EXIF", "XMP"]


def test_what_was_done_is_written_into_the_packet(photo):
    made = with_metadata(photo, "keep", MADE)
    assert b'stEvt:softwareAgent="photostyle 0.1.0"' in made.xmp
    assert b'stEvt:parameters="filter denoise; model denoise@0123abcd"' in made.xmp
    assert b'xmp:ModifyDate="2026-11-21T11:06:00+00:00"' in made.xmp
    assert b"GPSLatitude" in made.xmp
    assert with_metadata(photo, "keep", MADE).xmp == made.xmp
    assert (made.exif, made.iptc) == (photo.exif, photo.iptc)


def test_what_was_done_is_also_told_where_there_is_no_packet_or_where_it_was_not_kept(photo):
    for without in (replace(photo, xmp=None), replace(photo, xmp=b"no packet")):
        assert b"photostyle 0.1.0" in with_metadata(without, "no-gps", MADE).xmp


def test_a_damaged_packet_is_left_alone_and_a_warning_says_so(photo):
    broken = replace(photo, xmp=photo.xmp[:-5])
    made = with_metadata(broken, "keep", MADE)
    assert made.xmp == broken.xmp
    assert len(made.warnings) == 2
    assert "XMP" in made.warnings[1]


def test_a_history_does_not_make_a_packet_too_long_for_the_format(photo):
    made = with_metadata(photo, "keep", MADE)
    assert with_metadata(photo, "keep", MADE, longest_xmp=len(made.xmp)).xmp == made.xmp
    short = with_metadata(photo, "keep", MADE, longest_xmp=len(PACKET))
    assert short.xmp == photo.xmp
    assert "cannot be divided" in short.warnings[1]
    assert with_metadata(photo, "keep", MADE, longest_xmp=2 * len(PACKET)).xmp == made.xmp


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        Made("photostyle 0.1.0", "filter denoise", NOW.replace(tzinfo=None))


# Of the files of other programs. The blocks above cover the same code.

exiftool = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(exiftool is None, reason="exiftool is not installed")

TAGS = (
    "-GPSLatitude=48.1371", "-GPSLatitudeRef=N", "-GPSLongitude=11.5754", "-GPSLongitudeRef=E",
    "-DateTimeOriginal=2024:05:06 07:08:09", "-OffsetTimeOriginal=+02:00",
    "-SubSecTimeOriginal=42", "-Orientation#=6", "-EXIF:Artist=Zoe",
    "-XMP-dc:Title=Tür", "-XMP-dc:Title-ja=扉", "-XMP-dc:Subject=a", "-XMP-dc:Subject=b",
    "-XMP-exif:GPSLatitude=48.1371", "-XMP-photoshop:City=Munich", "-XMP-xmp:CreatorTool=Kamera",
    "-XMP-iptcCore:Location=Munich", "-XMP-iptcExt:LocationShownCity=Munich",
    "-XMP-xmpMM:HistoryAction=created", "-XMP-xmpMM:HistorySoftwareAgent=Kamera",
)  # fmt: skip
IPTC_TAGS = ("-IPTC:City=Munich", "-IPTC:Keywords=k1", "-IPTC:Keywords=k2")
SECRETS = ("Munich", "GPS", "48 deg")


def canon_block(order: str) -> bytes:
    """A block with a Canon maker note, whose offsets count from the start of the block."""

    def directory(*fields: tuple[int, int, int, int]) -> bytes:
        records = (struct.pack(order + "HHII", *field) for field in fields)
        return struct.pack(order + "H", len(fields)) + b"".join(records) + bytes(4)

    owner = b"Owner of the camera\0".ljust(32, b"\0")
    main = directory((0x010F, 2, 6, 62), (0x0110, 2, 10, 68), (0x8769, 4, 1, 78))
    camera = directory((0x9003, 2, 20, 108), (0x927C, 7, 50, 128))
    note = directory((9, 2, 32, 146))
    head = ((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8) + main).ljust(62)
    head += b"Canon\0Canon EOS\0" + camera
    return head.ljust(108) + b"2024:05:06 07:08:09\0" + note + owner


def run_exiftool(*arguments: object) -> str:
    result = subprocess.run(
        [exiftool, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8"
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


SUFFIXES = (".jpg", ".png", ".tif", ".webp")


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Metadata, as exiftool reads it, of photos and of the results of both policies, by name."""
    folder = tmp_path_factory.mktemp("exiftool")
    photos = {suffix: folder / f"photo{suffix}" for suffix in SUFFIXES}
    for path in photos.values():
        Image.new("RGB", (8, 6), "grey").save(path)
    for order, suffixes in (("<", (".jpg", ".webp")), (">", (".png",))):
        (folder / "block").write_bytes(canon_block(order))
        paths = [photos[suffix] for suffix in suffixes]
        run_exiftool("-overwrite_original", f"-exif<={folder / 'block'}", *paths)
    run_exiftool("-overwrite_original", *TAGS, *photos.values())
    run_exiftool(
        "-overwrite_original", *IPTC_TAGS, *(photos[suffix] for suffix in (".jpg", ".png", ".tif"))
    )

    for source, path in photos.items():
        photo = read_photo(path)
        assert (photo.height, photo.width) == (8, 6)
        for policy in ("keep", "no-gps"):
            for suffix in SUFFIXES:
                name = f"{source[1:]}-{policy}{suffix}"
                write_photo(with_metadata(photo, policy, MADE), folder / name)
        again = read_photo(folder / f"{source[1:]}-keep.tif")
        write_photo(again, folder / f"{source[1:]}-again.webp")
    (folder / "block").unlink()
    tags = json.loads(run_exiftool("-j", "-G1", "-a", "-struct", folder))
    return {Path(entry["SourceFile"]).name: entry for entry in tags}


@needs_exiftool
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("policy", ["keep", "no-gps"])
def test_metadata_of_exiftool_reaches_every_format(described, policy, source, suffix):
    expected = {
        name: value
        for name, value in described[f"photo{source}"].items()
        if name.startswith(("ExifIFD", "GPS", "IPTC", "Canon", "XMP"))
        and "History" not in name
        and (suffix != ".webp" or not name.startswith("IPTC"))
    }
    assert any(secret in str(expected) for secret in SECRETS)
    assert len(expected) > 15
    assert ("Canon:OwnerName" in expected) == (source != ".tif")

    after = described[f"{source[1:]}-{policy}{suffix}"]
    assert "ExifTool:Warning" not in after
    history = after["XMP-xmpMM:History"]
    assert [entry["Action"] for entry in history] == ["created", "edited"]
    assert history[1]["Parameters"] == "filter denoise; model denoise@0123abcd"
    assert after["XMP-xmp:MetadataDate"] == "2026:11:21 11:06:00+00:00"
    assert after["IFD0:Orientation"] == "Horizontal (normal)"
    if policy == "no-gps":
        expected = {
            name: value
            for name, value in expected.items()
            if not any(secret in f"{name} {value}" for secret in SECRETS)
        }
        data = Path(after["SourceFile"]).read_bytes()
        assert not any(secret.encode() in data for secret in SECRETS)
        assert not any(secret in str(after) for secret in SECRETS)
    assert {name: after.get(name) for name in expected} == expected


@needs_exiftool
def test_exiftool_reads_a_packet_that_is_too_long_for_one_segment(photo, tmp_path):
    longer = PACKET.replace(b"T\xc3\xbcr", b"long " * 20_000)
    made = with_metadata(replace(photo, xmp=longer), "keep", MADE, longest_xmp=65_500)
    write_photo(replace(made, icc_profile=None, exif=None), tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg").warnings == ()
    (tags,) = json.loads(run_exiftool("-j", "-struct", "-u", tmp_path / "a.jpg"))
    assert "Warning" not in tags
    assert tags["Title"].strip() == ("long " * 20_000).strip()
    assert tags["History"][0]["SoftwareAgent"] == "photostyle 0.1.0"


@needs_exiftool
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
def test_maker_notes_survive_a_second_generation(described, source):
    again = described[f"{source[1:]}-again.webp"]
    assert again["Canon:OwnerName"] == "Owner of the camera"
    assert again["ExifIFD:DateTimeOriginal"] == "2024:05:06 07:08:09"


@needs_exiftool
@pytest.mark.parametrize("policy", ["keep", "no-gps", "strip"])
def test_comments_and_the_copyright_flag_of_exiftool(tmp_path, policy):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 6), "grey").save(path)
    run_exiftool("-overwrite_original", "-Comment=Größe", "-Photoshop:CopyrightFlag=True", path)
    photo = read_photo(path)
    assert photo.warnings == ("its copyright flag and URL, as Photoshop keeps them, are not kept",)
    assert write_photo(with_metadata(photo, policy), tmp_path / "b.jpg") == ()
    (tags,) = json.loads(run_exiftool("-j", "-validate", "-all", tmp_path / "b.jpg"))
    assert tags.get("Comment") == (None if policy == "strip" else "Größe")
    assert tags["Validate"].startswith("OK")

    run_exiftool("-overwrite_original", "-XMP-xmpRights:Marked=True", path)
    assert read_photo(path).warnings == ()


@needs_exiftool
@pytest.mark.parametrize("policy", ["keep", "no-gps", "strip"])
def test_exiftool_finds_a_tiff_on_its_map(tmp_path, policy):
    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633)
    place = (
        (33550, 12, [0.5, 0.5, 0.0]), (33922, 12, [0, 0, 0, 440_720, 100_000, 0]), (34735, 3, keys),
    )  # fmt: skip
    photo = Photo(np.full((4, 5, 3), 0.5, np.float32), georeference=place)
    write_photo(with_metadata(photo, policy, MADE), tmp_path / "a.tif")
    (tags,) = json.loads(run_exiftool("-j", tmp_path / "a.tif"))
    if policy == "keep":
        assert tags["ProjectedCSType"] == "WGS84 UTM zone 33N"
        assert tags["PixelScale"] == "0.5 0.5 0"
        assert tags["ModelTiePoint"] == "0 0 0 440720 100000 0"
    else:
        assert {"ProjectedCSType", "PixelScale", "ModelTiePoint"}.isdisjoint(tags)
