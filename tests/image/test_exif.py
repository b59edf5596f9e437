from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from photostyle.image import exif, tiff

MAKER_NOTE = b"CAMERA\0\0 offsets in here count from the start of the block " * 3


def parsed(block: bytes) -> Image.Exif:
    result = Image.Exif()
    result.load(block)
    return result


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_and_set_to_one_without_touching_anything_else(
    camera_exif, order, orientation
):
    block = camera_exif(orientation, order=order)
    assert exif.byte_order(block) == order
    assert exif.orientation(block) == orientation
    assert exif.upright(block) == camera_exif(1, order=order)


@pytest.mark.parametrize("senseless", [None, 0, 9, 65535])
def test_a_missing_or_senseless_orientation_is_none(camera_exif, senseless):
    assert exif.orientation(camera_exif(senseless)) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_goes_and_the_rest_stays_where_it_was(camera_exif, order):
    block = camera_exif(order=order)
    without = exif.without_thumbnail(block)
    assert parsed(block).get_ifd(ExifTags.IFD.IFD1)
    assert not parsed(without).get_ifd(ExifTags.IFD.IFD1)
    assert b"how things were" not in without
    changed = [i for i in range(len(without)) if without[i] != block[i]]
    assert len(changed) <= 4  # the link to the second directory
    assert parsed(without).get_ifd(0x8769) == parsed(block).get_ifd(0x8769)
    assert exif.without_thumbnail(without) == without


def test_a_thumbnail_that_claims_to_lie_in_front_of_its_directory_is_only_unlinked(camera_exif):
    block = camera_exif(thumbnail=b"x" * 20)
    start = (len(block) - 20).to_bytes(4, "little")
    lying = block[:-40].replace(start, bytes(4)) + block[-40:].replace(start, bytes(4))
    assert lying != block
    without = exif.without_thumbnail(lying)
    assert len(without) == len(lying)
    assert parsed(without)[0x010F] == "Kamera AG"


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_fields_that_tell_the_size_follow_the_photo(camera_exif, order):
    block = exif.with_size(camera_exif(order=order, size=(10, 20)), 70000, 333)
    assert parsed(block)[0x0100] == 70000
    assert parsed(block).get_ifd(0x8769)[0xA002] == 70000
    assert parsed(block).get_ifd(0x8769)[0xA003] == 333


def test_a_size_too_large_for_its_field_is_left_alone(camera_exif):
    block = exif.with_size(camera_exif(size=(10, 20)), 5, 70000)
    assert parsed(block).get_ifd(0x8769)[0xA003] == 20


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_files_own_directories_become_a_block(order, big):
    file = io.BytesIO()
    pixels = np.zeros((5, 6, 3), np.uint8)
    tags = [(0x010F, "s", 0, "Kamera AG", True), (0x0112, "H", 1, 6, True)]
    tifffile.imwrite(file, pixels, byteorder=order, bigtiff=big, extratags=tags, metadata=None)
    data = file.getvalue()
    assert exif.orientation(data) == 6
    assert exif.raw_value(data, 0x010F).rstrip(b"\0") == b"Kamera AG"
    assert exif.raw_value(data, 0x0110) is None
    block = exif.from_tiff(exif.upright(data))
    assert exif.byte_order(block) == order
    assert parsed(block)[0x010F] == "Kamera AG"
    assert parsed(block)[0x0112] == 1
    assert 0x0100 not in parsed(block)  # the width: how the file stores its pixels
    assert len(block) < 300


@pytest.mark.parametrize("order", ["<", ">"])
def test_directories_below_the_main_one_are_taken_along(camera_exif, order):
    block = camera_exif(order=order)  # a block is a TIFF file
    copy = exif.from_tiff(block)
    for tag in (0x8769, 0x8825):
        assert parsed(copy).get_ifd(tag) == parsed(block).get_ifd(tag)
        assert parsed(copy).get_ifd(tag)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_maker_note_near_the_beginning_stays_where_its_offsets_say(camera_exif, order):
    block = camera_exif(order=order)
    position = block.index(MAKER_NOTE)
    values = parsed(block).get_ifd(0x8769)
    assert values[0x927C] == MAKER_NOTE
    # As a TIFF file has it: behind the block the pixels, and behind them another main directory.
    file = tiff.encode_tiff(np.zeros((300, 200, 3), np.uint8), exif_block=block)
    copy = exif.from_tiff(bytes(file))
    assert copy.index(MAKER_NOTE) == position
    assert parsed(copy).get_ifd(0x8769) == values
    assert parsed(copy)[0x010F] == "Kamera AG"
    again = tiff.encode_tiff(np.zeros((300, 200, 3), np.uint8), exif_block=copy)
    assert exif.from_tiff(bytes(again)).index(MAKER_NOTE) == position
    assert len(copy) < len(block) + 100


@pytest.mark.parametrize("gap", [0, 2, 400, 40_000])
def test_what_does_not_fit_in_front_of_a_maker_note_comes_behind_it(gap):
    note = b"N" * 31
    start = 38 + gap
    head = (
        b"II*\0\x08\0\0\0" + b"\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, start + 32) + bytes(4)
    )
    head = head.ljust(start, b"\0") + note.ljust(32, b"\0")
    comment, name = b"c" * 50, b"Artist\0"
    fields = [(0x9286, 7, 50, start + 100), (0x927C, 7, 31, start), (0x9000, 2, 7, start + 150)]
    directory = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *field) for field in fields)
    data = (head + directory).ljust(start + 100, b"\0") + comment + name
    copy = exif.from_tiff(data)
    assert (copy.index(note) == start) == (gap < 32_000)
    values = parsed(copy).get_ifd(0x8769)
    assert (values[0x927C], values[0x9286], values[0x9000]) == (note, comment, "Artist")


def test_text_in_utf_8_as_exif_3_has_it_is_taken_along():
    text = "Zoë 扉\0".encode()
    data = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x013B, 129, len(text), 26) + bytes(4)
    data += text
    assert exif.raw_value(data, 0x013B) == text
    assert exif.raw_value(exif.from_tiff(data), 0x013B) == text


def test_values_that_share_their_bytes_do_not_make_a_block_larger_than_the_file():
    number = 4000
    data = bytearray(b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 26) + bytes(4))
    data += struct.pack("<H", number)
    for tag in range(number):
        data += struct.pack("<HHII", tag, 7, 1 << 20, 8)
    data += bytes(1 << 20)
    with pytest.raises(ValueError, match="share"):
        exif.from_tiff(bytes(data))


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_position_goes_with_its_bytes_and_the_rest_stays_where_it_was(camera_exif, order):
    block = camera_exif(order=order)
    coordinates = struct.pack(order + "6I", 48, 1, 8, 1, 0, 1)
    assert coordinates in block
    without = exif.without_position(block)
    assert coordinates not in without
    assert len(without) == len(block)
    before, after = parsed(block), parsed(without)
    assert before.get_ifd(0x8825)
    assert not after.get_ifd(0x8825)
    assert 0x8825 not in after
    assert after.get_ifd(0x8769) == before.get_ifd(0x8769)
    assert after.get_ifd(ExifTags.IFD.IFD1) == before.get_ifd(ExifTags.IFD.IFD1)
    assert without.index(MAKER_NOTE) == block.index(MAKER_NOTE)
    assert {tag: after[tag] for tag in after} == {
        tag: before[tag] for tag in before if tag != 0x8825
    }
    assert exif.without_position(without) == without
    assert exif.without_thumbnail(without)


def resolution_of(block: bytes) -> tuple[float, ...]:
    values = parsed(block)
    return float(values[0x011A]), float(values[0x011B]), values[0x0128]


@pytest.mark.parametrize("order", ["<", ">"])
def test_fields_for_the_resolution_are_added_and_the_rest_stays_where_it_was(camera_exif, order):
    block = camera_exif(order=order)  # it has the resolution across only
    edited = exif.with_resolution(block, (300.5, 72))
    assert resolution_of(edited) == (300.5, 72, 2)
    assert edited[8 : len(block)] == block[8:]  # but for the header, which leads elsewhere
    before, after = parsed(block), parsed(edited)
    assert {tag: after[tag] for tag in before if tag != 0x011A} == {
        tag: before[tag] for tag in before if tag != 0x011A
    }
    for directory in (0x8769, 0x8825, ExifTags.IFD.IFD1):
        assert after.get_ifd(directory) == before.get_ifd(directory)
        assert after.get_ifd(directory)
    assert b"how things were" not in exif.without_thumbnail(edited)
    start = struct.unpack_from(order + "I", edited, 4)[0]
    tags = [struct.unpack_from(order + "H", edited, start + 2 + 12 * i)[0] for i in range(8)]
    assert tags == sorted(after) == sorted(set(tags))


@pytest.mark.parametrize("order", ["<", ">"])
def test_fields_for_the_resolution_are_overwritten_where_they_are(camera_exif, order):
    block = exif.with_resolution(camera_exif(order=order), (300, 240))
    edited = exif.with_resolution(block, (72, 96.25))
    assert len(edited) == len(block)
    assert resolution_of(edited) == (72, 96.25, 2)
    assert exif.with_resolution(edited, (300, 240)) == block
    unit = struct.pack(order + "HHIH", 0x0128, 3, 1, 2)
    in_centimetres = block.replace(unit, unit[:-2] + struct.pack(order + "H", 3))
    assert resolution_of(in_centimetres) == (300, 240, 3)
    assert exif.with_resolution(in_centimetres, (300, 240)) == block


def test_a_resolution_alone_makes_a_block():
    block = exif.with_resolution(None, (299.72, 65_535))
    assert resolution_of(block) == (pytest.approx(299.72), 65_535, 2)
    assert len(parsed(block)) == 3
    assert exif.with_size(exif.without_thumbnail(exif.upright(block)), 3, 4) == block


def test_resolutions_that_share_their_bytes_get_some_of_their_own():
    block = position_block(
        (0x011A, 5, 1, 50), (0x011B, 5, 1, 50), (0x0128, 3, 1, 2),
        behind=struct.pack("<II", 72, 1),
    )  # fmt: skip
    assert resolution_of(block) == (72, 72, 2)
    assert exif.with_resolution_turned(block) == block
    assert resolution_of(exif.with_resolution(block, (300, 240))) == (300, 240, 2)


@pytest.mark.parametrize("order", ["<", ">"])
def test_resolutions_are_exchanged_for_a_photo_that_was_turned(camera_exif, order):
    block = exif.with_resolution(camera_exif(order=order), (300, 240))
    turned = exif.with_resolution_turned(block)
    assert turned == exif.with_resolution(block, (240, 300))
    assert exif.with_resolution_turned(turned) == block
    single = camera_exif(order=order)
    assert exif.with_resolution_turned(single) == single


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_resolution_is_read_in_inches(camera_exif, order):
    block = exif.with_resolution(camera_exif(order=order), (300, 240.5))
    assert exif.resolution(block) == (300, 240.5)
    unit = struct.pack(order + "HHIH", 0x0128, 3, 1, 2)

    def with_unit(number):
        return block.replace(unit, unit[:-2] + struct.pack(order + "H", number))

    assert exif.resolution(with_unit(3)) == (762, pytest.approx(610.87))
    assert exif.resolution(with_unit(1)) is None  # no unit: only a ratio
    assert exif.resolution(camera_exif(order=order)) is None  # across only
    no_number = block.replace(struct.pack(order + "II", 300, 1), bytes(8))
    assert exif.resolution(no_number) is None


def test_a_directory_without_room_for_the_resolution_is_a_value_error():
    records = [(tag, 3, 1, 0) for tag in range(65_535)]
    with pytest.raises(ValueError, match="full"):
        exif.with_resolution(position_block(*records[:0x011A], *records[0x011B:],
                                            (65_535, 3, 1, 0)), (300, 240))  # fmt: skip


def position_block(*records: tuple[int, int, int, int], behind: bytes = b"") -> bytes:
    """A block of a main directory only."""
    directory = struct.pack("<H", len(records)) + b"".join(
        struct.pack("<HHII", *record) for record in records
    )
    return b"II*\0\x08\0\0\0" + directory + bytes(4) + behind


def test_a_block_that_holds_nothing_but_a_position_is_none():
    gps = struct.pack("<HHHII", 1, 1, 2, 2, ord("N")) + bytes(4)
    assert exif.without_position(position_block((0x8825, 4, 1, 26), behind=gps)) is None
    assert exif.without_position(position_block((0x8825, 4, 1, 0))) is None


@pytest.mark.parametrize("start", [0, 38])
def test_an_empty_position_only_loses_its_record(start):
    block = position_block((0x0112, 3, 1, 6), (0x8825, 4, 1, start), behind=bytes(6))
    without = exif.without_position(block)
    assert exif.orientation(without) == 6
    assert 0x8825 not in parsed(without)


@pytest.mark.parametrize(
    "records",
    [
        [(0x8825, 4, 1, 5000)],
        [(0x8825, 2, 1, 8)],
        [(0x8825, 4, 2, 5000)],
        [(0x8825, 4, 1, 0), (0x8825, 4, 1, 0)],
    ],
    ids=["beyond the end", "text", "two beyond the end", "twice"],
)
def test_a_position_that_cannot_be_found_is_a_value_error(records):
    with pytest.raises(ValueError, match=r"beyond|found"):
        exif.without_position(position_block((0x0112, 3, 1, 6), *records))


@pytest.mark.parametrize("start", [2, 4, 8, 10])
def test_a_position_directory_that_lies_over_others_does_not_take_them_with_it(start):
    block = position_block((0x0112, 3, 1, 6), (0x8825, 4, 1, start), behind=bytes(4000))
    without = exif.without_position(block)
    assert exif.orientation(without) == 6
    assert 0x8825 not in parsed(without)


def test_a_position_that_points_to_the_exif_directory_does_not_take_it_with_it(camera_exif):
    block = bytearray(camera_exif())
    main = {struct.unpack_from("<H", block, at)[0]: at + 8 for at in range(10, 82, 12)}
    block[main[0x8825] : main[0x8825] + 4] = block[main[0x8769] : main[0x8769] + 4]
    values = parsed(bytes(block)).get_ifd(0x8769)
    without = parsed(exif.without_position(bytes(block)))
    assert 0x8825 not in without
    assert without.get_ifd(0x8769) == values


@pytest.mark.parametrize("kind", [16, 99])
@pytest.mark.parametrize("start", [0, 38])
def test_a_directory_without_anything_that_can_be_copied_is_left_out(kind, start):
    below = struct.pack("<HHHII", 1, 0x9003, kind, 1, 1) + bytes(4)
    data = position_block((0x8769, 4, 1, start), (0x0112, 3, 1, 6), behind=below)
    copy = exif.from_tiff(data)
    assert exif.orientation(copy) == 6
    assert exif.with_size(copy, 3, 4) == copy
    assert 0x8769 not in parsed(copy)
    assert exif.from_tiff(position_block((0x8769, 4, 1, start and 26), behind=below)) is None


def test_a_bigtiff_header_is_no_exif_block():
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((5, 6, 3), np.uint8), bigtiff=True, metadata=None)
    for edit in (exif.without_thumbnail, exif.without_position, exif.descriptive_records,
                 exif.with_resolution_turned):  # fmt: skip
        with pytest.raises(ValueError, match="BigTIFF"):
            edit(file.getvalue())


def test_a_block_with_nothing_to_tell_is_none():
    file = io.BytesIO()
    tifffile.imwrite(
        file, np.zeros((5, 6), np.uint8), metadata=None, software=False, resolution=None
    )
    data = file.getvalue()
    for tag in (b"\x1a\x01", b"\x1b\x01", b"\x28\x01"):  # resolution, which tifffile insists on
        data = data.replace(tag + b"\x05\0", b"\xff\xff\x05\0").replace(
            tag + b"\x03\0", b"\xff\xff\x03\0"
        )
    assert exif.from_tiff(data) is None


READERS = (
    exif.byte_order, exif.orientation, exif.upright, exif.without_thumbnail, exif.from_tiff,
    exif.descriptive_records, exif.without_position, exif.with_resolution_turned, exif.resolution,
    lambda block: exif.with_resolution(block, (300, 240)) if block else exif.upright(block),
    lambda block: exif.with_size(block, 3, 4), lambda block: exif.raw_value(block, 0x0112),
)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
def test_a_damaged_block_is_a_value_error_and_nothing_else(camera_exif, read):
    block = camera_exif(6, order=">")
    rng = np.random.default_rng(0)
    for broken in (b"", b"II", b"II*\0", b"JJ*\0\x08\0\0\0", b"II,\0\x08\0\0\0"):
        with pytest.raises(ValueError, match=r"header|beyond"):
            read(broken)
    for _ in range(300):
        broken = bytearray(block[: rng.integers(len(block))] if rng.random() < 0.5 else block)
        for place in rng.integers(0, max(1, min(len(broken), 200)), 3):
            broken[place : place + 1] = bytes([rng.integers(256)])
        try:
            read(bytes(broken))
        except ValueError:
            continue
