"""Files of every kind come in upright, 8-bit and sRGB; outputs are whole."""

import io
import os
import struct
import zlib

from PIL import Image
from PIL import ImageCms
import numpy as np
import pytest

from fastnst.data import image_files


def _picture(height=24, width=40, channels=3):
    """A smooth picture (JPEG keeps it) without symmetry."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [
        20 + 200 * rows / height,
        30 + 180 * columns / width,
        40 + 150 * (rows / height) * (columns / width),
        255 - 200 * columns / width,
    ]
    return np.stack(planes[:channels], -1).astype(np.uint8)


def _encoded(image, picture_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format=picture_format, **options)
    return buffer.getvalue()


def _png16(values):
    """Encodes uint16 (height, width, channels) as PNG, which Pillow cannot."""
    height, width, channels = values.shape
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name, data):
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


_ORIENTED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", sorted(_ORIENTED))
def test_exif_orientation_is_applied(orientation, picture_format):
    stored = _picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy = {"quality": 98} if picture_format in ("JPEG", "WEBP") else {}
    data = _encoded(
        Image.fromarray(stored), picture_format, exif=exif, **lossy
    )
    wanted = _ORIENTED[orientation](stored).astype(int)
    decoded = image_files.decode_image(data).rgb
    assert decoded.shape == wanted.shape
    assert np.abs(decoded - wanted).mean() < 4


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_exif_does_not_lose_the_picture():
    data = _encoded(
        Image.fromarray(_picture()), "JPEG", exif=b"Exif\0\0II*\0garbage"
    )
    assert image_files.decode_image(data).rgb.shape == (24, 40, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_scaled(channels):
    values = np.zeros([2, 3, channels], np.uint16)
    values[0, :, :] = np.array([0, 257 * 100, 65535])[:, None]
    values[1, :, :] = np.array([128 * 257, 40000, 300])[:, None]
    if channels in (2, 4):
        values[..., -1] = 65535
    decoded = image_files.decode_image(_png16(values))
    wanted = values[..., :1] / 257.0
    # Pillow drops the low byte of 16-bit color, which is off by less than 1.
    assert np.abs(decoded.rgb - wanted).max() < 1.0
    assert decoded.rgb[0, 2].tolist() == [255, 255, 255]
    assert (decoded.alpha is None) == (channels in (1, 3))


def test_16_bit_grey_is_rounded_to_nearest():
    values = np.arange(0, 65536, 7, dtype=np.uint16).reshape(1, -1, 1)
    decoded = image_files.decode_image(_png16(values)).rgb[..., :1]
    assert np.abs(decoded - values / 257.0).max() <= 0.5


def test_16_bit_tiff():
    values = np.array([[0, 32896, 65535]], np.uint16)
    data = _encoded(Image.fromarray(values), "TIFF")
    assert image_files.decode_image(data).rgb[0, :, 1].tolist() == [0, 128, 255]


def test_float_pixels_are_refused():
    data = _encoded(Image.fromarray(np.ones([4, 4], np.float32)), "TIFF")
    with pytest.raises(ValueError, match="floats"):
        image_files.decode_image(data)


def test_grey_is_repeated():
    grey = _picture()[..., 0]
    for picture_format in ("PNG", "BMP"):
        data = _encoded(Image.fromarray(grey), picture_format)
        decoded = image_files.decode_image(data)
        assert np.array_equal(decoded.rgb, np.dstack([grey] * 3))
        assert decoded.alpha is None


def test_black_and_white():
    bits = _picture()[..., 0] > 128
    decoded = image_files.decode_image(_encoded(Image.fromarray(bits), "PNG"))
    assert np.array_equal(decoded.rgb[..., 2], bits * 255)


def test_cmyk_jpeg():
    # Ink: 100 % cyan left, none right.
    ink = np.zeros([16, 32, 4], np.uint8)
    ink[:, :16, 0] = 255
    data = _encoded(Image.fromarray(ink, mode="CMYK"), "JPEG", quality=98)
    decoded = image_files.decode_image(data).rgb.astype(int)
    assert np.abs(decoded[:, :12] - [0, 255, 255]).max() < 8
    assert np.abs(decoded[:, 20:] - 255).max() < 8


def test_alpha_and_flattening():
    rgba = _picture(channels=4)
    decoded = image_files.decode_image(_encoded(Image.fromarray(rgba), "PNG"))
    assert np.array_equal(decoded.rgb, rgba[..., :3])
    assert np.array_equal(decoded.alpha, rgba[..., 3])
    share = rgba[..., 3:] / 255.0
    wanted = rgba[..., :3] * share + 255.0 * (1 - share)
    assert np.abs(decoded.flattened() - wanted).max() <= 0.5 + 1e-4


def test_palette_with_and_without_transparency():
    image = Image.fromarray(_picture()).quantize(16)
    plain = image_files.decode_image(_encoded(image, "PNG"))
    assert np.array_equal(plain.rgb, np.asarray(image.convert("RGB")))
    assert plain.alpha is None
    clear = image_files.decode_image(_encoded(image, "PNG", transparency=3))
    assert np.array_equal(clear.alpha == 0, np.asarray(image) == 3)


@pytest.mark.parametrize("picture_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animation_gives_its_first_frame(picture_format):
    frames = [
        Image.new("RGB", (20, 10), color)
        for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    ]
    data = _encoded(
        frames[0], picture_format, save_all=True, append_images=frames[1:]
    )
    decoded = image_files.decode_image(data).rgb.astype(int)
    assert decoded.shape == (10, 20, 3)
    assert np.abs(decoded - [255, 0, 0]).max() < 8


def test_color_profile_is_converted_to_srgb():
    # Linear light of 128 / 255 is 255 * (1.055 * 0.502 ** (1 / 2.4) - 0.055)
    # = 188 in sRGB.
    linear = _linear_srgb_profile()
    grey = np.full([8, 8, 3], 128, np.uint8)
    for mode in ("RGB", "RGBA"):
        image = Image.fromarray(grey).convert(mode)
        data = _encoded(image, "PNG", icc_profile=linear)
        decoded = image_files.decode_image(data)
        assert np.abs(decoded.rgb.astype(int) - 188).max() <= 2
        assert (decoded.alpha is not None) == (mode == "RGBA")


def test_srgb_and_broken_profiles_change_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile", _linear_srgb_profile()[:200]):
        data = _encoded(
            Image.fromarray(_picture()), "PNG", icc_profile=profile
        )
        assert np.array_equal(image_files.decode_image(data).rgb, _picture())


def _linear_srgb_profile():
    """Returns the sRGB profile with its three curves replaced by gamma 1."""
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            # A parametric curve of type 0: y = x ** gamma, gamma 16.16 fixed.
            curve = (b"para", 0, 0, 0, 1 << 16)
            struct.pack_into(">4sIHHI", profile, offset, *curve)
        if name == b"desc":
            at = profile.find("sRGB".encode("utf-16-be"), offset)
            profile[at:at + 8] = "Line".encode("utf-16-be")
    return bytes(profile)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty"),
        (b"This is a text, not a JPEG.", "unknown format"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "not a readable picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not a readable picture"),
    ],
)
def test_what_is_no_picture_is_a_value_error(data, message):
    with pytest.raises(ValueError, match=message):
        image_files.decode_image(data)


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_truncated_files_are_a_value_error(picture_format):
    noise = np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8)
    data = _encoded(Image.fromarray(noise), picture_format)
    for share in (0.2, 0.6, 0.9):
        with pytest.raises(ValueError, match="not a readable picture"):
            image_files.decode_image(data[: int(len(data) * share)])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_bytes_raise_value_error_or_decode():
    """Whatever is in the file, nothing but ValueError comes out."""
    rng = np.random.default_rng(1)
    for picture_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        good = _encoded(Image.fromarray(_picture()), picture_format)
        for _ in range(60):
            bad = bytearray(good)
            for at in rng.integers(0, len(bad), 6):
                bad[at] = rng.integers(256)
            try:
                decoded = image_files.decode_image(bytes(bad))
            except ValueError:
                continue
            assert decoded.rgb.dtype == np.uint8


def test_bomb_is_named_with_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "bomb.png"
    Image.new("RGB", (40, 40)).save(path)
    with pytest.raises(ValueError, match="bomb.png.*too large.*1600 pixels"):
        image_files.read_image(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(OSError, match="nothing.jpg"):
        image_files.read_image(tmp_path / "nothing.jpg")


def test_shortest_side_only_shrinks_what_stays_large_enough():
    data = _encoded(Image.fromarray(_picture(480, 640)), "JPEG")
    for side, height in ((400, 480), (240, 240), (200, 240), (60, 60)):
        rgb = image_files.decode_image(data, shortest_side=side).rgb
        assert rgb.shape[0] == height


@pytest.mark.parametrize(
    "suffix", [".jpg", ".JPEG", ".png", ".webp", ".bmp", ".tif", ".tiff"]
)
def test_written_pictures_are_read_again(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    image_files.write_image(path, _picture(), quality=98)
    decoded = image_files.read_image(path)
    assert decoded.alpha is None
    error = np.abs(decoded.rgb.astype(int) - _picture()).mean()
    lossless = suffix in (".png", ".bmp", ".tif", ".tiff")
    assert error == 0 if lossless else error < 3
    assert os.listdir(tmp_path) == [path.name]


def test_alpha_is_kept_or_put_on_white(tmp_path):
    rgb = np.full([16, 16, 3], 10, np.uint8)
    alpha = np.full([16, 16], 255, np.uint8)
    alpha[:, :8] = 0
    for suffix in (".png", ".webp", ".tif"):
        path = tmp_path / f"a{suffix}"
        image_files.write_image(path, rgb, alpha)
        assert np.array_equal(image_files.read_image(path).alpha, alpha)
    for suffix in (".jpg", ".bmp"):
        path = tmp_path / f"a{suffix}"
        image_files.write_image(path, rgb, alpha)
        read = image_files.read_image(path).rgb.astype(int)
        assert np.abs(read[:, :8] - 255).max() < 5
        assert np.abs(read[:, 8:] - 10).max() < 5


def test_unknown_suffix_is_refused(tmp_path):
    for name in ("a.gif", "a", "a.heic"):
        with pytest.raises(ValueError, match=r"\.jpg.*Received.*a"):
            image_files.write_image(tmp_path / name, _picture())
    assert not os.listdir(tmp_path)


def test_what_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError, match="no folder .*nowhere"):
        image_files.write_image(tmp_path / "nowhere" / "a.png", _picture())
    long = np.zeros([1, 70000, 3], np.uint8)
    for name in ("a.jpg", "a.webp"):
        with pytest.raises(OSError, match=f"{name} cannot be written"):
            image_files.write_image(tmp_path / name, long)
    assert not os.listdir(tmp_path)


def test_wrong_arrays_are_refused(tmp_path):
    with pytest.raises(ValueError, match="float64"):
        image_files.write_image(tmp_path / "a.png", _picture() / 255.0)
    with pytest.raises(ValueError, match="alpha"):
        image_files.write_image(
            tmp_path / "a.png", _picture(), np.zeros([3, 3], np.uint8)
        )


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    image_files.write_image(path, _picture())
    before = path.read_bytes()

    def fail(self, file, **options):
        with open(file, "wb") as stream:
            stream.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        image_files.write_image(path, _picture()[::-1])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_existing_file_is_kept_without_overwrite(tmp_path):
    path = tmp_path / "a.png"
    image_files.write_image(path, _picture())
    with pytest.raises(FileExistsError, match="a.png exists"):
        image_files.write_image(path, _picture()[::-1], overwrite=False)
    assert np.array_equal(image_files.read_image(path).rgb, _picture())


def test_find_images(tmp_path):
    for name in ("b.JPG", "a.png", "sub/c.webp", "._a.png", "notes.txt"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "photos" / "sub" / "loop").symlink_to(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    single = tmp_path / "single.gif"
    found = image_files.find_images([str(single), str(tmp_path / "photos")])
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == [
        "single.gif", "photos/a.png", "photos/b.JPG", "photos/sub/c.webp",
    ]
    with pytest.raises(ValueError, match="empty holds no pictures"):
        image_files.find_images([tmp_path / "empty"])


def test_unreadable_folder_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match=tmp_path.name):
        image_files.find_images([tmp_path])


def test_shrinking_a_fine_checkerboard_gives_grey():
    board = (np.indices([240, 320]).sum(0) % 2 * 255).astype(np.uint8)
    small = image_files.resize_short_side(np.dstack([board] * 3), 60)
    assert small.shape == (60, 80, 3)
    assert np.abs(small.astype(int) - 127.5).max() <= 2.5


@pytest.mark.parametrize(
    "shape, size, wanted",
    [((1, 1), 8, (8, 8)), ((3, 1000), 6, (6, 2000)), ((255, 257), 255, None),
     ((1000, 3), 2, (667, 2))],
)
def test_resize_short_side_keeps_the_aspect(shape, size, wanted):
    rgb = np.zeros([*shape, 3], np.uint8)
    resized = image_files.resize_short_side(rgb, size)
    assert resized.shape[:2] == (wanted or shape)


def test_center_crop():
    rgb = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
    assert np.array_equal(image_files.center_crop(rgb, 4), rgb[0:4, 2:6])
    with pytest.raises(ValueError, match="size=6"):
        image_files.center_crop(rgb, 6)
