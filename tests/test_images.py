"""Pictures in and out, against numpy and Pillow, and everything that can be wrong with a file or a tensor."""

from __future__ import annotations

import io
import os
import random
import re
import stat

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import images

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def to_bytes(pixels):
    """(1, 3, H, W) in [0, 1] as (H, W, 3) in 0 to 255, not yet rounded."""
    return pixels[0].permute(1, 2, 0).double().numpy() * 255


def random_picture(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(kind, **settings):
    buffer = io.BytesIO()
    random_picture(32, 24).save(buffer, kind, **settings)
    return buffer.getvalue()


# --- There and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".PNG"])
def test_png_gives_back_every_8_bit_value(tmp_path, suffix):
    pixels = (torch.arange(3 * 16 * 16).view(1, 3, 16, 16) % 256) / 255
    images.save(pixels, tmp_path / f"all{suffix}")
    loaded = images.load(tmp_path / f"all{suffix}")
    assert torch.equal(loaded, pixels)
    assert loaded.dtype == torch.float32


def test_saving_rounds_to_the_nearest_8_bit_value(tmp_path):
    pixels = torch.tensor([0.0, 100.4 / 255, 100.6 / 255, 1.00005]).view(1, 1, 2, 2).repeat(1, 3, 4, 4)
    images.save(pixels, tmp_path / "x.png")
    assert np.asarray(Image.open(tmp_path / "x.png"))[:2, :2, 0].tolist() == [[0, 100], [101, 255]]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_come_close(tmp_path, photo, suffix):
    path = tmp_path / f"photo{suffix}"
    images.save(photo, str(path))
    assert (images.load(str(path)) - photo).abs().mean() < 0.02
    with Image.open(path) as file:
        assert file.format == {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}[suffix]


def test_an_image_that_still_has_a_gradient_can_be_saved(tmp_path, photo):
    images.save(photo.clone().requires_grad_() * 1, tmp_path / "x.png")
    assert (tmp_path / "x.png").is_file()


def test_pillow_pictures_convert_both_ways_exactly():
    picture = random_picture(11, 9)
    pixels = images.from_pil(picture)
    assert pixels.shape == (1, 3, 9, 11)
    assert pixels[0, :, 4, 7].tolist() == pytest.approx([v / 255 for v in picture.getpixel((7, 4))])
    assert np.array_equal(np.asarray(images.to_pil(pixels)), np.asarray(picture))


# --- Every mode of Pillow: a picture of two halves, each of one color -------------------------------------------------

MODES = [
    ("1", "png", (1, 0), (WHITE, BLACK)),
    ("L", "png", (100, 7), ((100,) * 3, (7,) * 3)),
    ("LA", "png", ((100, 51), (9, 255)), ((224,) * 3, (9,) * 3)),  # 0.2 * 100 + 0.8 * 255
    ("RGB", "png", ((10, 20, 30), (200, 0, 90)), ((10, 20, 30), (200, 0, 90))),
    ("RGBA", "png", ((200, 0, 50, 51), (1, 2, 3, 0)), ((244, 204, 214), WHITE)),
    ("CMYK", "tiff", ((0, 255, 255, 0), (51, 0, 0, 51)), ((255, 0, 0), (163, 204, 204))),
    ("CMYK", "jpg", ((0, 255, 255, 0), (51, 0, 0, 51)), ((255, 0, 0), (163, 204, 204))),
    ("I;16", "png", (65535, 32896), (WHITE, (128,) * 3)),  # 128 * 257
    ("I;16", "png", (200, 0), ((1,) * 3, BLACK)),  # nearly black: a dark 16-bit picture stays dark
    ("I", "tiff", (65535, 257 * 50), (WHITE, (50,) * 3)),
    ("I", "tiff", (255, 50), (WHITE, (50,) * 3)),
    ("F", "tiff", (1.0, 0.2), (WHITE, (51,) * 3)),
    ("F", "tiff", (255.0, 51.0), (WHITE, (51,) * 3)),
    ("YCbCr", "tiff", ((150, 128, 128), (81, 90, 240)), ((150,) * 3, (238, 14, 14))),  # by JFIF's formulas
    ("LAB", "tiff", ((138, 209, 198), (0, 128, 128)), ((255, 0, 0), BLACK)),  # CIELAB (54, 81, 70) is sRGB's red
]


@pytest.mark.parametrize(
    ("mode", "suffix", "colors", "expected"),
    MODES,
    ids=[f"{mode} {suffix} {colors[0]}" for mode, suffix, colors, _ in MODES],
)
def test_every_mode_becomes_rgb_of_the_right_color(tmp_path, mode, suffix, colors, expected):
    picture = Image.new(mode, (32, 16))
    picture.paste(Image.new(mode, (16, 16), colors[0]), (0, 0))
    picture.paste(Image.new(mode, (16, 16), colors[1]), (16, 0))
    path = tmp_path / f"halves.{suffix}"
    picture.save(path)
    with Image.open(path) as file:
        assert file.mode == mode
    pixels = images.load(path)
    assert pixels.shape == (1, 3, 16, 32)
    assert pixels.dtype == torch.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    tolerance = {"LAB": 6, "YCbCr": 1}.get(mode, 3 if suffix == "jpg" else 0.01)
    for column, color in ((4, expected[0]), (27, expected[1])):
        assert to_bytes(pixels)[8, column] == pytest.approx(color, abs=tolerance)


def test_hsv_becomes_rgb():
    for color, expected in (((0, 255, 255), (255, 0, 0)), ((170, 255, 255), (0, 0, 255)), ((9, 0, 77), (77, 77, 77))):
        picture = images._to_rgb(Image.new("HSV", (8, 8), color))  # no format that Pillow writes keeps HSV
        assert picture.mode == "RGB"
        assert picture.getpixel((3, 3)) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("transparent", [False, True])
def test_a_palette_gives_its_colors_and_white_where_it_is_transparent(tmp_path, kind, transparent):
    picture = Image.new("P", (16, 8), 0)
    picture.putpalette([10, 200, 30, 90, 60, 120])
    picture.paste(1, (8, 0, 16, 8))
    path = tmp_path / "palette.img"
    picture.save(path, kind, **({"transparency": 1} if transparent else {}))
    pixels = to_bytes(images.load(path))
    assert pixels[4, 2] == pytest.approx((10, 200, 30), abs=0.01)
    assert pixels[4, 13] == pytest.approx(WHITE if transparent else (90, 60, 120), abs=0.01)


def test_a_transparent_color_of_a_picture_without_alpha_becomes_white(tmp_path):
    picture = Image.new("RGB", (16, 8), (10, 20, 30))
    picture.paste((200, 0, 0), (8, 0, 16, 8))
    picture.save(tmp_path / "key.png", transparency=(10, 20, 30))
    pixels = to_bytes(images.load(tmp_path / "key.png"))
    assert pixels[4, 2] == pytest.approx(WHITE)
    assert pixels[4, 13] == pytest.approx((200, 0, 0), abs=0.01)


# --- Upright, and at the size asked for -------------------------------------------------------------------------------

UPRIGHT = {  # EXIF orientation to what turns the stored picture upright, in numpy
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_turned_upright_by_their_exif_tag(tmp_path, orientation):
    stored = random_picture(12, 9)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    expected = UPRIGHT[orientation](np.asarray(stored))
    assert np.array_equal(to_bytes(images.load(tmp_path / "turned.png")).round(), expected)


def test_a_turned_jpeg_is_scaled_by_its_upright_longer_side(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.linear_gradient("L").resize((400, 200)).convert("RGB").save(tmp_path / "turned.jpg", exif=exif)
    pixels = images.load(tmp_path / "turned.jpg", size=50)
    assert pixels.shape == (1, 3, 50, 25)
    assert pixels[0, 0, 25, 2] > 0.8  # stored dark above and light below; turned right, light is on the left
    assert pixels[0, 0, 25, 22] < 0.2


@pytest.mark.parametrize(("width", "height", "expected"), [(60, 30, (10, 20)), (30, 60, (20, 10)), (40, 40, (20, 20))])
def test_size_is_the_longer_side(tmp_path, width, height, expected):
    picture = random_picture(width, height)
    picture.save(tmp_path / "x.png")
    pixels = images.load(tmp_path / "x.png", size=20)
    assert tuple(pixels.shape[2:]) == expected
    plain = picture.resize(expected[::-1], Image.Resampling.LANCZOS)
    assert np.array_equal(to_bytes(pixels).round(), np.asarray(plain))


def test_size_enlarges_too(tmp_path):
    random_picture(10, 20).save(tmp_path / "x.png")
    assert images.load(tmp_path / "x.png", size=40).shape == (1, 3, 40, 20)


def test_without_a_size_a_picture_keeps_its_own(tmp_path):
    random_picture(31, 17).save(tmp_path / "x.png")
    assert images.load(tmp_path / "x.png").shape == (1, 3, 17, 31)


@pytest.mark.parametrize(("mode", "settings"), [("RGB", {}), ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True})])
def test_a_jpeg_scaled_while_it_is_decoded_looks_as_if_scaled_later(tmp_path, monkeypatch, mode, settings):
    photo = images.to_pil(images.sample("coffee")).crop((0, 0, 512, 336)).convert(mode)
    photo.save(tmp_path / "big.jpg", quality=95, **settings)
    decoded = []
    resize = Image.Image.resize
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "resize", lambda p, *args, **kw: decoded.append(p.size) or resize(p, *args, **kw))
        pixels = images.load(tmp_path / "big.jpg", size=64)
    assert max(decoded[0]) < 512  # decoded smaller
    assert min(decoded[0]) >= 42  # but not too small
    expected = photo.convert("RGB").resize((64, 42), Image.Resampling.LANCZOS)
    assert pixels.shape == (1, 3, 42, 64)
    assert np.abs(to_bytes(pixels) - np.asarray(expected)).mean() < 3


@pytest.mark.parametrize("size", [7, 0, -5])
def test_a_size_under_the_least_is_refused(size):
    with pytest.raises(ValueError, match=rf"size is {size} pixels; the least is 8"):
        images.load("never opened.png", size=size)


# --- Pillow pictures, and what is neither a file nor a picture --------------------------------------------------------


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["png", "jpg", "tiff"])
@pytest.mark.parametrize("size", [None, 60])
def test_a_pillow_picture_is_read_like_its_file_and_not_changed(tmp_path, orientation, kind, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    random_picture(90, 60).save(tmp_path / f"x.{kind}", exif=exif)
    expected = images.load(tmp_path / f"x.{kind}", size=size)
    with Image.open(tmp_path / f"x.{kind}") as picture:
        found = images.load(picture, size=size)
        again = images.load(picture, size=size)
    assert found.shape == expected.shape
    if size is None:  # a JPEG's file is scaled while it is decoded
        assert torch.equal(found, expected)
    assert torch.equal(found, again)


def test_a_pillow_picture_made_in_memory_is_taken():
    assert torch.equal(images.load(Image.new("RGB", (16, 16))), torch.zeros(1, 3, 16, 16))
    red = Image.new("RGBA", (16, 8), (255, 0, 0, 0))
    assert torch.equal(images.load(red), torch.ones(1, 3, 8, 16))
    assert red.mode == "RGBA"
    with pytest.raises(ValueError, match=r"^the picture is 4 x 16 pixels; the shorter side needs at least 8"):
        images.load(Image.new("L", (4, 16)))


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (np.zeros((16, 16, 3), np.uint8), r"not a ndarray; .*Image\.fromarray\(array\)"),
        (b"\x89PNG", r"not a bytes; .*io\.BytesIO\(bytes\)"),
        (torch.zeros(1, 3, 16, 16), "not a Tensor; a tensor is loaded already"),
        (None, "not a NoneType$"),
        (3, "not a int$"),
        (["x.png"], "not a list$"),
    ],
    ids=["array", "bytes", "tensor", "None", "int", "list"],
)
def test_what_is_neither_file_nor_picture_is_told_what_would_be(source, hint):
    with pytest.raises(TypeError, match=r'takes a path, a file opened with "rb" or a Pillow picture, ' + hint):
        images.load(source)


def test_files_that_cannot_be_read_from_are_not_called_damaged(tmp_path):
    random_picture(20, 10).save(tmp_path / "x.png")
    with (tmp_path / "x.png").open(encoding="latin-1") as file, pytest.raises(TypeError, match='open it with "rb"'):
        images.load(file)
    with (tmp_path / "x.png").open("rb") as closed:
        pass
    with pytest.raises(ValueError, match=r"x\.png is closed; load it while it is open"):
        images.load(closed)
    with Image.open(tmp_path / "x.png") as picture:
        pass
    with pytest.raises(ValueError, match="closed before it was read"):
        images.load(picture)


@pytest.mark.parametrize("size", ["300", 224.0, (100, 100)])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(TypeError, match=r"size is .*; it is one whole number, the longer side in pixels"):
        images.load("never opened.png", size=size)


def test_a_picture_too_large_for_the_memory_is_not_called_damaged(tmp_path, monkeypatch):
    random_picture(20, 10).save(tmp_path / "x.png")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(images, "_to_rgb", fail)
    with pytest.raises(ValueError, match=r"x\.png is too large for the memory of this machine"):
        images.load(tmp_path / "x.png")


# --- Files that are no pictures ---------------------------------------------------------------------------------------

BROKEN = {
    "empty": b"",
    "text": b"Dear reader, I am not a picture.\n" * 20,
    "web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "half a PNG": encoded("PNG")[:1200],
    "half a JPEG": encoded("JPEG")[:900],
    "half a WebP": encoded("WEBP", quality=90)[:500],
    "a PNG without its end": encoded("PNG")[:-300],
    "a PNG of nothing but its signature": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_gives_one_clear_error(tmp_path, content):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"holiday\.jpg is (not a picture that Pillow can read|cut short or damaged)"):
        images.load(path)
    with pytest.raises(ValueError, match=r"is (not a picture that Pillow can read|cut short or damaged)"):
        images.load(io.BytesIO(content), size=16)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "JPEG2000"])
def test_no_cut_or_altered_picture_breaks_in_another_way(tmp_path, kind):
    content, luck = encoded(kind), random.Random(0)
    path = tmp_path / "holiday.img"
    tries = [content[:length] for length in range(0, len(content), len(content) // 40)]
    for _ in range(80):
        altered = bytearray(content)
        altered[luck.randrange(min(len(content), 300))] ^= 1 << luck.randrange(8)
        tries.append(bytes(altered))
    complaints = []
    for damaged in tries:
        path.write_bytes(damaged)
        try:
            images.check(images.load(path))
        except ValueError as error:
            complaints.append(str(error))
    assert len(complaints) >= 30
    assert [text for text in complaints if "holiday.img is " not in text] == []


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 100), (100, 7)])
def test_a_picture_of_hardly_any_pixels_is_refused(tmp_path, width, height):
    random_picture(width, height).save(tmp_path / "dot.png")
    with pytest.raises(ValueError, match=rf"dot\.png is {width} x {height} pixels; the shorter side needs at least 8"):
        images.load(tmp_path / "dot.png")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        images.load(tmp_path / "nowhere.png")
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path)) + " is a folder; .* reads one picture file"):
        images.load(tmp_path)
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match=r"x\.png/y\.png"):
        images.load(tmp_path / "x.png" / "y.png")


@pytest.mark.parametrize("side", [12, 20])  # Pillow warns above its limit, and refuses above twice its limit
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, side):
    random_picture(side, side).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"bomb\.png is over the limit of 100 pixels"):
        images.load(tmp_path / "bomb.png")


def test_open_files_are_read_like_paths(tmp_path):
    random_picture(20, 10).save(tmp_path / "x.png")
    expected = images.load(tmp_path / "x.png")
    assert torch.equal(images.load(io.BytesIO((tmp_path / "x.png").read_bytes())), expected)
    with (tmp_path / "x.png").open("rb") as file:
        assert torch.equal(images.load(file), expected)


def test_an_error_about_an_open_file_names_it_if_it_has_a_name_and_no_address_if_not(tmp_path):
    (tmp_path / "letter.png").write_text("no picture")
    with (tmp_path / "letter.png").open("rb") as file, pytest.raises(ValueError, match=r"letter\.png is not"):
        images.load(file)
    with pytest.raises(ValueError, match=r"^the picture is not a picture") as caught:
        images.load(io.BytesIO(b"no picture"))
    assert "0x" not in str(caught.value)
    assert "<" not in str(caught.value)


# --- Whole or not at all ----------------------------------------------------------------------------------------------


def fail_half_way(_self, file, *_, **__):
    file.write(b"half a pic")
    raise OSError("disk full")


WRITERS = {
    "save": (lambda x, path: images.save(x, path), ".png"),
    "animate": (lambda x, path: images.animate([x, 1 - x], path), ".gif"),
}


@pytest.mark.parametrize(("write", "suffix"), WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("existing", [None, b"precious"])
def test_a_failing_writer_leaves_nothing_and_spoils_nothing(tmp_path, monkeypatch, photo, write, suffix, existing):
    path = tmp_path / f"x{suffix}"
    if existing:
        path.write_bytes(existing)
    monkeypatch.setattr(Image.Image, "save", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        write(photo, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([existing] if existing else [])


@pytest.mark.parametrize("write", [write for write, _ in WRITERS.values()], ids=WRITERS)
@pytest.mark.parametrize("name", ["x.bmp", "x", "x.png.txt"])
def test_an_unknown_suffix_leaves_nothing_and_spoils_nothing(tmp_path, photo, write, name):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(ValueError, match=rf"'{name}' ends in '.*'; use one of \."):
        write(photo, tmp_path / name)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(name, b"precious")]


@pytest.mark.parametrize(("write", "suffix"), WRITERS.values(), ids=WRITERS)
def test_a_missing_folder_is_named(tmp_path, photo, write, suffix):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        write(photo, tmp_path / "nowhere" / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_leaves_no_temporary_file(tmp_path, photo):
    (tmp_path / "x.png").mkdir()
    with pytest.raises(OSError, match=r"x\.png"):
        images.save(photo, tmp_path / "x.png")
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


def test_saving_replaces_a_file_and_leaves_the_usual_permissions(tmp_path, photo):
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "x.png").write_bytes(b"old")
    images.save(photo, tmp_path / "x.png")
    assert images.load(tmp_path / "x.png").shape == photo.shape
    assert sorted(file.name for file in tmp_path.iterdir()) == ["plain", "x.png"]
    mode = stat.S_IMODE(os.stat(tmp_path / "x.png").st_mode)
    assert mode == stat.S_IMODE(os.stat(tmp_path / "plain").st_mode)


@pytest.mark.parametrize(("write", "suffix"), WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_kept_and_its_target_written(tmp_path, photo, write, suffix, exists):
    (tmp_path / "far").mkdir()
    target, link, other = tmp_path / "far" / "target", tmp_path / f"x{suffix}", tmp_path / f"y{suffix}"
    if exists:
        target.write_bytes(b"old")
        target.chmod(0o600)
    link.symlink_to("far/target")  # relative
    other.symlink_to(link)
    write(photo, other)
    assert link.is_symlink()
    assert other.is_symlink()
    with Image.open(target) as file:
        assert file.size == (64, 64)
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["target"]
    if exists:
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize(("write", "suffix"), WRITERS.values(), ids=WRITERS)
def test_a_failing_writer_leaves_the_target_of_a_link(tmp_path, monkeypatch, photo, write, suffix):
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / f"x{suffix}").symlink_to(tmp_path / "target")
    monkeypatch.setattr(Image.Image, "save", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        write(photo, tmp_path / f"x{suffix}")
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_to_a_missing_folder_or_to_itself_is_refused(tmp_path, photo):
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere" / "x.png")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        images.save(photo, tmp_path / "x.png")
    (tmp_path / "y.png").symlink_to(tmp_path / "y.png")
    with pytest.raises(OSError, match=r"leads back to itself.*y\.png"):
        images.save(photo, tmp_path / "y.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.png", "y.png"]


def test_the_longest_name_can_be_written(tmp_path, photo):
    path = tmp_path / ("x" * 251 + ".png")
    images.save(photo, path)
    assert path.is_file()


BAD = {
    "no tensor": (np.zeros((1, 3, 8, 8), np.float32), "is a torch.Tensor, not a ndarray"),
    "rank": (torch.zeros(3, 8, 8), r"shape \(N, 3, H, W\), not \(3, 8, 8\)"),
    "channels": (torch.zeros(1, 4, 8, 8), r"not \(1, 4, 8, 8\)"),
    "half": (torch.zeros(1, 3, 8, 8, dtype=torch.float16), "dtype torch.float32, not torch.float16"),
    "bytes": (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"not torch.uint8; .*/ 255"),
    "above": (torch.full((1, 3, 8, 8), 1.01), r"\[0, 1\], not in \[1.01, 1.01\]"),
    "below": (torch.full((1, 3, 8, 8), -0.5), r"\[0, 1\], not in \[-0.5, -0.5\]"),
    "NaN": (torch.zeros(1, 3, 8, 8).index_fill(3, torch.tensor([5]), float("nan")), "nan"),
    "infinite": (torch.zeros(1, 3, 8, 8).index_fill(3, torch.tensor([5]), float("inf")), "inf"),
    "no batch": (torch.zeros(0, 3, 8, 8), r"\(0, 3, 8, 8\) holds no pixels"),
    "no height": (torch.zeros(1, 3, 0, 8), r"\(1, 3, 0, 8\) holds no pixels"),
    "batch": (torch.zeros(2, 3, 8, 8), "not a batch of 2"),
}


@pytest.mark.parametrize(("pixels", "message"), BAD.values(), ids=BAD)
def test_a_tensor_that_is_no_image_is_refused_and_nothing_written(tmp_path, pixels, message):
    with pytest.raises(ValueError, match=message):
        images.save(pixels, tmp_path / "x.png")
    with pytest.raises(ValueError, match=message):
        images.animate([pixels], tmp_path / "x.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_batch_and_a_hair_outside_of_the_range_pass_the_check():
    images.check(torch.tensor([-0.00005, 1.00005]).view(2, 1, 1, 1).expand(2, 3, 8, 9))


# --- Moving pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "fps", "duration"), [("webp", 12, 83), ("gif", 10, 100), ("webp", 0.5, 2000)])
def test_an_animation_holds_every_frame_for_its_time_and_loops(tmp_path, suffix, fps, duration):
    path = tmp_path / f"x.{suffix}"
    grays = (0.0, 0.4, 1.0)
    images.animate((torch.full((1, 3, 16, 24), gray) for gray in grays), path, fps=fps)
    with Image.open(path) as file:
        assert file.size == (24, 16)
        assert file.n_frames == 3
        assert file.info["loop"] == 0
        for i, gray in enumerate(grays):
            file.seek(i)
            file.load()
            assert file.info["duration"] == duration
            assert np.asarray(file.convert("RGB"), np.float64) == pytest.approx(255 * gray, abs=4)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 0.09, 101, 5000])
def test_a_speed_out_of_range_is_refused(tmp_path, photo, fps):
    with pytest.raises(ValueError, match=rf"fps is {fps}; it must be from 0\.1 to 100"):
        images.animate([photo], tmp_path / "x.gif", fps=fps)
    assert list(tmp_path.iterdir()) == []


def test_no_frames_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no frames to animate"):
        images.animate([], tmp_path / "x.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_frames_of_different_sizes_are_refused(tmp_path, suffix):
    with pytest.raises(ValueError, match=r"size|shape"):
        images.animate([torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 24, 16)], tmp_path / f"x.{suffix}")
    assert list(tmp_path.iterdir()) == []


# --- The book's own pictures ------------------------------------------------------------------------------------------


def test_every_sample_is_an_image():
    names = images.samples()
    assert {"cat", "coffee", "clouds", "cartoon"} <= set(names)
    for name in names:
        pixels = images.sample(name)
        images.check(pixels)
        assert pixels.shape[:2] == (1, 3)
        assert pixels.std() > 0.1


def test_the_docstring_names_every_sample():
    assert set(re.findall(r'"(\w+)"', images.sample.__doc__)) == set(images.samples())


def test_photos_are_sharp_enough_to_work_on_and_small_enough_to_ship():
    for path in images.PICTURES.glob("*.jpg"):
        _, _, height, width = images.load(path).shape
        assert min(height, width) >= 300
        assert max(height, width) <= 600
        assert path.stat().st_size < 120_000


@pytest.mark.parametrize(("name", "category"), [("otter", "otter"), ("volcano", "volcano"), ("coffee", "espresso")])
def test_a_photo_that_shows_one_thing_is_named_for_it(lite0, name, category):
    [[(found, probability), *_]] = lite0.top(images.square(images.sample(name)))
    assert found == category
    assert probability > 0.8


@pytest.mark.parametrize(("name", "shape"), [("coffee", (43, 64)), ("cartoon", (64, 51)), ("clouds", (43, 64))])
def test_a_sample_may_be_scaled(name, shape):
    assert tuple(images.sample(name, size=64).shape[2:]) == shape


def test_scaling_while_decoding_does_not_change_the_shape(tmp_path):
    random_picture(451, 300).save(tmp_path / "x.jpg")
    random_picture(451, 300).save(tmp_path / "x.png")
    assert images.load(tmp_path / "x.png", size=64).shape == (1, 3, 43, 64)  # 300 / 451 * 64 = 42.6
    assert images.load(tmp_path / "x.jpg", size=64).shape == (1, 3, 43, 64)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("width", "height"), [(451, 300), (300, 451), (451, 450)])
def test_the_format_does_not_change_the_shape_of_a_turned_picture(tmp_path, orientation, width, height):
    exif, shapes = Image.Exif(), set()
    exif[0x0112] = orientation
    for kind in ("png", "jpg", "webp", "tiff"):
        Image.new("RGB", (width, height)).save(tmp_path / f"x.{kind}", exif=exif)
        shapes.add(tuple(images.load(tmp_path / f"x.{kind}", size=100).shape[2:]))
    stored = (round(height / max(width, height) * 100), round(width / max(width, height) * 100))
    assert shapes == {stored if orientation < 5 else stored[::-1]}


@pytest.mark.parametrize(("name", "near"), [("cats", "'cat'"), ("church", "'church_at_auvers'"), ("cloud", "'clouds'")])
def test_an_unknown_sample_is_answered_with_a_near_miss(name, near):
    with pytest.raises(ValueError, match=rf"there is no sample '{name}'; did you mean {near}"):
        images.sample(name)


def test_a_sample_unlike_any_other_is_answered_with_all_names():
    with pytest.raises(ValueError, match="there is no sample 'xyzzy'") as caught:
        images.sample("xyzzy")
    assert all(repr(name) in str(caught.value) for name in images.samples())


# --- Scaling and cutting ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(30, 20), (20, 30), (25, 25), (64, 17)])
def test_square_takes_the_middle(noise, height, width):
    pixels = noise(2, 3, height, width)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    assert torch.equal(images.square(pixels, side), pixels[:, :, top : top + side, left : left + side])
    assert images.square(pixels).shape == (2, 3, 224, 224)


@pytest.mark.parametrize("size", [(10, 14), (20, 15), (43, 30)])
def test_resize_is_pillows_bicubic(noise, size):
    pixels = noise(1, 3, 20, 30)
    expected = [
        np.asarray(Image.fromarray(channel.numpy()).resize(size[::-1], Image.Resampling.BICUBIC))
        for channel in pixels[0]
    ]
    found = images.resize(pixels, size)
    assert found[0].numpy() == pytest.approx(np.clip(np.stack(expected), 0, 1), abs=1e-5)


def test_resize_to_the_same_size_changes_nothing(noise):
    pixels = noise(1, 3, 9, 12)
    assert torch.equal(images.resize(pixels, (9, 12)), pixels)


def test_quantize_rounds_to_what_a_file_keeps(tmp_path):
    pixels = torch.tensor([0.0, 100.4 / 255, 100.6 / 255, 1.0]).view(1, 1, 2, 2).repeat(1, 3, 4, 4)
    expected = [0, 100 / 255, 101 / 255, 1]
    assert images.quantize(pixels)[0, 0, :2, :2].flatten().tolist() == pytest.approx(expected)
    images.save(pixels, tmp_path / "x.png")
    assert torch.equal(images.quantize(pixels), images.load(tmp_path / "x.png"))


# --- Light and color --------------------------------------------------------------------------------------------------


def test_luminance_is_pillows_gray(noise):
    pixels = noise(1, 3, 9, 8)
    ours = images.luminance(pixels)
    assert ours.shape == pixels.shape
    assert torch.equal(ours[:, 0], ours[:, 2])
    theirs = np.asarray(images.to_pil(pixels).convert("L"), float) / 255
    np.testing.assert_allclose(ours[0, 0].numpy(), theirs, atol=1.01 / 255)


def test_recoloring_moves_red_green_and_blue_by_the_same_amount():
    gray = torch.full((1, 3, 1, 1), 0.3)
    colors = torch.tensor([0.6, 0.5, 0.4]).view(1, 3, 1, 1)
    shift = 0.3 - (0.299 * 0.6 + 0.587 * 0.5 + 0.114 * 0.4)
    torch.testing.assert_close(images.recolor(gray, colors), colors + shift)


def test_colors_of_another_size_are_scaled(noise):
    assert images.recolor(noise(1, 3, 9, 8), noise(1, 3, 18, 20)).shape == (1, 3, 9, 8)


@pytest.mark.parametrize("name", ["clouds", "cat"])
@pytest.mark.parametrize("size", [0, -5, 3])
def test_a_sample_of_no_size_is_refused(name, size):
    with pytest.raises(ValueError, match=f"size is {size} pixels; the least is 8"):
        images.sample(name, size=size)


def test_a_picture_that_would_shrink_to_a_line_is_refused(tmp_path):
    Image.new("RGB", (3000, 10)).save(tmp_path / "line.png")
    with pytest.raises(ValueError, match="3000 x 10 pixels, too narrow for size 100"):
        images.load(tmp_path / "line.png", size=100)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_pillow_pictures_of_other_modes_become_rgb(mode):
    assert images.from_pil(Image.new(mode, (9, 8))).shape == (1, 3, 8, 9)


@pytest.mark.parametrize(("peak", "white"), [(1.01, 1), (255.0, 255), (60_000.0, 65535)])
def test_a_picture_of_floats_is_scaled_by_the_white_that_it_means(tmp_path, peak, white):
    values = np.full((9, 9), white / 2, dtype=np.float32)
    values[0, 0], values[8, 8] = peak, np.nan
    Image.fromarray(values).save(tmp_path / "float.tiff")
    assert images.load(tmp_path / "float.tiff")[0, 0, 4, 4].item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("extreme", [[40.0], [-40.0], [np.inf], [-np.inf], [np.nan], [1e30], [40.0, 1e9, -5.0]])
@pytest.mark.parametrize("side", [8, 40])
def test_a_few_extreme_pixels_do_not_set_the_scale(tmp_path, extreme, side):
    extreme = extreme if side > 8 else extreme[:1]
    values = np.full((side, side), 0.5, dtype=np.float32)
    values[0, : len(extreme)] = extreme
    Image.fromarray(values).save(tmp_path / "hot.tiff")
    pixels = images.load(tmp_path / "hot.tiff")
    assert pixels[0, :, 1:].unique().item() == pytest.approx(128 / 255)
    assert pixels[0, 0, 0, 0].item() == (1 if extreme[0] > 0 else 0)
    whole = np.full((side, side), 51, dtype=np.int32)
    whole[0, 0] = 60_000
    assert images.from_pil(Image.fromarray(whole))[0, 0, 1:].unique().item() == pytest.approx(0.2)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_picture_of_one_float_is_an_image(value):
    images.check(images.from_pil(Image.fromarray(np.full((9, 9), value, dtype=np.float32))))


def test_floats_beyond_every_known_white_are_scaled_by_their_own_brightest():
    values = np.linspace(0, 1e6, 100 * 100, dtype=np.float32).reshape(100, 100)
    pixels = images.from_pil(Image.fromarray(values))
    assert pixels[0, 0, 50, 0].item() == pytest.approx(0.505, abs=0.01)


def test_a_size_beyond_all_need_is_refused_at_once():
    with pytest.raises(ValueError, match="size is 30000 pixels; the least is 8, the most 10000"):
        images.sample("cat", size=30_000)


@pytest.mark.parametrize(("suffix", "expected"), [(".gif", 20), (".webp", 17)])
def test_frames_last_as_long_as_the_format_can_say(tmp_path, noise, suffix, expected):
    images.animate([noise(1, 3, 8, 8, seed=seed) for seed in range(2)], tmp_path / f"a{suffix}", fps=60)
    with Image.open(tmp_path / f"a{suffix}") as file:
        file.load()
        assert file.info["duration"] == expected
