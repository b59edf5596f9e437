from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from photostyle.batch import Template, fill, plan_batch
from photostyle.batch.taken import date_of
from photostyle.errors import UsageError

DENOISE = Template("{stem}_{op}{ext}", "denoise")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """`files("a.jpg", "b/c.png")` makes these files in the current folder, a new one."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"photo")

    return make


def targets(plan):
    return {str(photo.source): str(photo.target) for photo in plan.photos}


def plan(*inputs, template=DENOISE, **options):
    return plan_batch([Path(name) for name in inputs], template, **options)


def test_results_lie_beside_their_photos(files):
    files("a.jpg", "b/c.PNG")
    assert targets(plan("a.jpg", "b/c.PNG")) == {
        "a.jpg": "a_denoise.jpg",
        "b/c.PNG": "b/c_denoise.PNG",
    }


def test_a_folder_stands_for_its_own_photos_in_order(files):
    files("d/b.jpg", "d/a.tif", "d/notes.txt", "d/.hidden.jpg", "d/below/c.jpg", "d/e.WebP")
    assert list(targets(plan("d"))) == ["d/a.tif", "d/b.jpg", "d/e.WebP"]


def test_the_current_folder_is_a_folder(files):
    files("a.jpg")
    assert targets(plan(".")) == {"a.jpg": "a_denoise.jpg"}


def test_recursion_keeps_the_tree(files):
    files("d/a.jpg", "d/x/a.jpg", "d/x/y/b.jpg", "d/.cache/c.jpg")
    assert targets(plan("d", recursive=True, out_dir=Path("out"))) == {
        "d/a.jpg": "out/a_denoise.jpg",
        "d/x/a.jpg": "out/x/a_denoise.jpg",
        "d/x/y/b.jpg": "out/x/y/b_denoise.jpg",
    }


def test_recursion_does_not_follow_links_round_in_circles(files):
    files("d/a.jpg", "d/x/b.jpg")
    Path("d/x/up").symlink_to("..")
    assert list(targets(plan("d", recursive=True))) == ["d/a.jpg", "d/x/b.jpg"]


@pytest.mark.parametrize("out_dir", ["d/out", "./d/out"])
def test_recursion_does_not_read_the_folder_of_results(files, out_dir):
    files("d/a.jpg", "d/out/a.jpg")
    same = Template("{stem}{ext}", "denoise")
    planned = plan("d", template=same, recursive=True, out_dir=Path(out_dir))
    assert [(str(p.source), p.exists) for p in planned.photos] == [("d/a.jpg", True)]


def test_results_of_earlier_runs_are_not_read_from_folders(files):
    files("d/a.jpg", "d/a_denoise.jpg", "d/gone_denoise.PNG", "d/a_exposure.jpg")
    planned = plan("d")
    assert list(targets(planned)) == ["d/a.jpg", "d/a_exposure.jpg"]
    assert sorted(map(str, planned.own_results)) == ["d/a_denoise.jpg", "d/gone_denoise.PNG"]
    assert [photo.exists for photo in planned.photos] == [True, False]


def test_a_folder_of_nothing_but_results_is_done(files):
    files("d/a_denoise.jpg")
    assert plan("d").photos == ()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_glob_that_matches_results_leaves_them_out(files, overwrite):
    files("a.jpg", "a_denoise.jpg", "other_denoise.jpg")
    planned = plan("a.jpg", "a_denoise.jpg", "other_denoise.jpg", overwrite=overwrite)
    # The last was named by the user, and nothing says that it is a result.
    assert list(targets(planned)) == ["a.jpg", "other_denoise.jpg"]
    assert list(map(str, planned.own_results)) == ["a_denoise.jpg"]


def test_existing_results_are_skipped_or_replaced(files):
    files("a.jpg", "a_denoise.jpg", "b.jpg")
    kept = plan("a.jpg", "b.jpg")
    assert [(p.exists, p.replace) for p in kept.photos] == [(True, False), (False, False)]
    assert [str(photo.source) for photo in kept.to_do] == ["b.jpg"]
    replaced = plan("a.jpg", "b.jpg", overwrite=True)
    assert [(p.exists, p.replace) for p in replaced.photos] == [(False, True), (False, True)]


def test_an_empty_result_is_what_a_killed_run_left(files):
    files("a.jpg")
    Path("a_denoise.jpg").touch()
    assert [(p.exists, p.replace) for p in plan("a.jpg").photos] == [(False, True)]


def test_a_dangling_link_is_an_existing_result(files):
    files("a.jpg")
    Path("a_denoise.jpg").symlink_to("gone.jpg")
    assert [photo.exists for photo in plan("a.jpg").photos] == [True]


SAME = Template("{stem}{ext}", "x")


@pytest.mark.parametrize(
    ("inputs", "options", "words"),
    [
        (
            ["a.jpg", "a.png"],
            {"template": Template("{stem}_{op}{ext}", "x", "jpg")},
            "'a.jpg' and 'a.png' would both become 'a_x.jpg'",
        ),
        (
            ["d", "e"],
            {"out_dir": Path("out")},
            "'d/a.jpg' and 'e/a.jpg' would both become 'out/a_denoise.jpg'",
        ),
        (
            ["a.jpg", "b.jpg"],
            {"template": Template("{op}{ext}", "x")},
            "'a.jpg' and 'b.jpg' would both become 'x.jpg'",
        ),
        (["a.jpg", "a.jpg"], {}, "'a.jpg' and 'a.jpg' are the same photo"),
        (["d", "link/a.jpg"], {}, "'d/a.jpg' and 'link/a.jpg' are the same photo"),
        (["a.jpg"], {"template": SAME}, "'a.jpg' would replace the photo 'a.jpg'"),
        (
            ["d/a.jpg", "e/a.jpg"],
            {"template": SAME, "out_dir": Path("e")},
            "'d/a.jpg' would replace the photo 'e/a.jpg'",
        ),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_collisions_are_found_first_and_name_both(files, inputs, options, words, overwrite):
    files("a.jpg", "a.png", "b.jpg", "d/a.jpg", "e/a.jpg")
    Path("link").symlink_to("d")
    with pytest.raises(UsageError, match=words):
        plan(*inputs, overwrite=overwrite, **options)


def test_a_link_to_a_photo_is_never_replaced_as_a_result(files):
    files("a.jpg", "b.jpg")
    Path("a_denoise.jpg").symlink_to("b.jpg")
    with pytest.raises(UsageError, match=r"would replace the photo 'b\.jpg'"):
        plan("a.jpg", "b.jpg", overwrite=True)


def test_what_cannot_be_read_fails_alone(files):
    files("a.jpg", "notes.txt")
    Path("folder.jpg").mkdir()
    planned = plan("a.jpg", "gone.jpg", "folder.jpg", "notes.txt")
    assert [photo.problem for photo in planned.photos] == [
        None,
        "cannot read 'gone.jpg': there is no such file",
        "cannot read 'folder.jpg': it is a folder",
        (
            "cannot change 'notes.txt': its name does not end like a photo's; rename it, or give "
            "--format"
        ),
    ]
    assert [str(photo.source) for photo in planned.to_do] == ["a.jpg"]


def test_a_folder_called_like_a_photo_fails_in_folders_too(files):
    files("d/a.jpg")
    Path("d/x.jpg").mkdir()
    Path("d/x.jpg/inner.jpg").touch()
    for recursive in (False, True):
        problems = [photo.problem for photo in plan("d", recursive=recursive).photos]
        assert problems == [None, "cannot read 'd/x.jpg': it is a folder"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_fails_alone(files):
    files("a.jpg", "d/b.jpg")
    Path("a.jpg").chmod(0)
    Path("d").chmod(0)
    try:
        problems = [photo.problem for photo in plan("a.jpg", "d").photos]
    finally:
        Path("d").chmod(0o700)
    assert problems == [f"cannot read '{name}': permission denied" for name in ("a.jpg", "d")]


def test_a_folder_that_cannot_be_listed_fails_alone(files, monkeypatch):
    def denied(_folder):
        raise PermissionError

    files("a.jpg", "d/b.jpg")
    monkeypatch.setattr("os.scandir", denied)
    planned = plan("a.jpg", "d", out_dir=Path("out"))
    assert [(str(p.source), p.problem is None) for p in planned.photos] == [
        ("a.jpg", True),
        ("d", False),
    ]


def test_no_photos_at_all_is_a_usage_error(files):
    files("d/notes.txt", "d/x/a.jpg")
    with pytest.raises(UsageError, match=r"no photos in 'd'; use --recursive"):
        plan("d")
    Path("d/y").mkdir()
    with pytest.raises(UsageError, match=r"no photos in 'd/y'$"):
        plan("d/y", recursive=True)


def test_output_is_for_exactly_one_photo(files):
    files("a.jpg", "b.jpg", "d/c.jpg")
    assert targets(plan("a.jpg", output=Path("r.png"))) == {"a.jpg": "r.png"}
    for inputs in (["a.jpg", "b.jpg"], ["d"]):
        with pytest.raises(UsageError, match="--output is for one photo"):
            plan(*inputs, output=Path("r.png"))
    with pytest.raises(UsageError, match=r"must end in \.jpg"):
        plan("a.jpg", output=Path("r.bmp"))


@pytest.mark.parametrize("extension", ["gif", "", "exe"])
def test_only_formats_that_can_be_written(files, extension):
    files("a.jpg")
    with pytest.raises(UsageError, match=r"must end in \.jpg"):
        plan("a.jpg", template=Template("{stem}_{op}{ext}", "x", extension))


def test_a_template_without_a_suffix_is_a_usage_error(files):
    files("a.jpg")
    with pytest.raises(UsageError, match=r"must end in \.jpg"):
        plan("a.jpg", template=Template("{stem}_{op}", "x"))


def test_the_folder_of_results_must_be_a_folder(files):
    files("a.jpg", "out")
    with pytest.raises(UsageError, match="'out' is not a folder"):
        plan("a.jpg", out_dir=Path("out"))


def test_names_in_every_script(files):
    files("фото/写真 1.jpg", "фото/été.png", "фото/写真 1_denoise.jpg")
    planned = plan("фото")
    assert targets(planned) == {
        "фото/été.png": "фото/été_denoise.png",
        "фото/写真 1.jpg": "фото/写真 1_denoise.jpg",
    }
    assert len(planned.own_results) == 1


@pytest.mark.parametrize(
    ("text", "name", "could"),
    [
        ("{stem}_{op}{ext}", "a_b-c.jpg", True),
        ("{stem}_{op}{ext}", "a_b-c.JPEG", True),
        ("{stem}_{op}{ext}", "a.b_b-c.tif", True),
        ("{stem}_{op}{ext}", "_b-c.jpg", False),
        ("{stem}_{op}{ext}", "a_b-c2.jpg", False),
        ("{stem}_{op}{ext}", "a_b-c.txt", False),
        ("{stem}_{op}.png", "a_b-c.png", True),
        ("{op}{ext}", "b-c.png", True),
        ("{stem}{ext}", "a.jpg", False),
        ("new-{stem}{ext}", "new-a.jpg", False),
        ("{index}_{date}_{op}{ext}", "012_2024-01-31_b-c.jpg", True),
        ("{index}_{date}_{op}{ext}", "x_2024-01-31_b-c.jpg", False),
        ("{stem}_{stem}_{op}{ext}", "a_a_b-c.jpg", True),
        ("{stem}_{stem}_{op}{ext}", "a_b_b-c.jpg", False),
        ("{{{stem}}}{op}{ext}", "{a}b-c.jpg", True),
        ("[{stem}].{op}{ext}", "[a].b-c.jpg", True),
    ],
)
def test_names_that_a_template_could_have_made(text, name, could):
    assert Template(text, "b-c").could_have_made(name) is could


NUMBERED = Template("{index}_{stem}_{op}{ext}", "x")


def test_places_in_the_batch_have_as_many_digits_as_the_last(files):
    files(*(f"{name}.jpg" for name in "abcdefghij"))
    assert list(targets(plan(".", template=NUMBERED)).values())[::9] == ["01_a_x.jpg", "10_j_x.jpg"]
    assert targets(plan("a.jpg", template=NUMBERED)) == {"a.jpg": "1_a_x.jpg"}


@pytest.mark.parametrize("inputs", [["."], ["1_a_x.jpg", "2_b_x.jpg", "a.jpg", "b.jpg"]])
def test_results_do_not_count_among_numbered_photos(files, inputs):
    files("a.jpg", "b.jpg", "1_a_x.jpg", "2_b_x.jpg")
    planned = plan(*inputs, template=NUMBERED)
    assert targets(planned) == {"a.jpg": "1_a_x.jpg", "b.jpg": "2_b_x.jpg"}
    assert [photo.exists for photo in planned.photos] == [True, True]
    assert list(map(str, planned.own_results)) == ["1_a_x.jpg", "2_b_x.jpg"]


def test_without_a_mark_of_the_filter_numbered_names_are_photos(files):
    files("a.jpg", "a_1.jpg", "._x.jpg")
    unmarked = Template("{stem}_{index}{ext}", "x")
    planned = plan("a.jpg", "a_1.jpg", template=unmarked, out_dir=Path("out"))
    assert len(planned.photos) == 2
    assert plan("._x.jpg", template=Template("{stem}_{op}{index}{ext}", "x")).photos


def test_dates_are_those_of_photos_or_else_of_files(files):
    files("text.jpg")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "1999:12:31 08:09:10"
    block = exif.tobytes()
    for name in ("a.jpg", "b.png", "c.webp", "d.tif"):
        Image.new("RGB", (2, 2)).save(name, exif=block)
    Image.new("RGB", (2, 2)).save("e.jpg", exif=block.replace(b"1999:12:31", b"0000:00:00"))
    Image.new("RGB", (2, 2)).save("f.png")
    for path in Path().iterdir():
        os.utime(path, (1e9, 1e9))
    planned = plan(".", "gone.jpg", template=Template("{date} {stem}_{op}{ext}", "x"))
    dates = [photo.target.name.split()[0] for photo in planned.photos]
    assert dates == 4 * ["1999-12-31"] + 3 * ["2001-09-09"] + ["undated"]


def test_the_date_of_a_photo_of_any_size(files, monkeypatch):
    files()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "1999:12:31 08:09:10"
    Image.new("RGB", (40, 40)).save("large.jpg", exif=exif)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Image.DecompressionBombError):
        Image.open("large.jpg")
    assert date_of(Path("large.jpg")) == "1999-12-31"
    assert Image.MAX_IMAGE_PIXELS == 10


def test_raw_data_become_tiff_files(files):
    files("a.NEF")
    assert targets(plan("a.NEF")) == {"a.NEF": "a_denoise.tif"}


def test_a_write_protected_result_is_not_replaced(files):
    files("a.jpg", "a_denoise.jpg")
    Path("a_denoise.jpg").chmod(0o444)
    (photo,) = plan("a.jpg", overwrite=True).photos
    assert photo.problem == "cannot write 'a_denoise.jpg': it is there and write-protected"
    assert plan("a.jpg").photos[0].exists


@pytest.mark.parametrize("text", ["../{stem}{ext}", "{style}{ext}", "{stem!r}", "{stem", "", ".."])
def test_templates_that_are_none(text):
    with pytest.raises(UsageError, match="--name"):
        Template(text, "x")


def test_a_field_is_filled_in_as_it_is():
    assert fill("{a}{{}}{b}", {"a": "{b}", "b": "x"}) == "{b}{}x"
