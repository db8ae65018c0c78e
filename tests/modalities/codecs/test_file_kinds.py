"""What is not read is named by its first bytes."""

import gzip
import io
import zipfile

import pytest

from tests.modalities.contract import PICTURE, SOUND, picture_bytes, sound_bytes
from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities import Audio, Image
from tfmmrec.modalities.codecs import sound_by_ffmpeg
from tfmmrec.modalities.codecs.file_kinds import kind_of


def ftyp(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1" + brand + bytes(200)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.jpg", b"x")
    return out.getvalue()


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
NO_PICTURES: dict[str, tuple[bytes, str]] = {
    "HEIC": (ftyp(b"heic"), "the file is HEIC, which is not read; JPEG, PNG"),
    "raw photo": (ftyp(b"crx "), r"the file is a Canon raw photo \(CR3\), which is not read"),
    "SVG": (_SVG, "the file is SVG, which is not read"),
    "SVG with a prolog": (b'<?xml version="1.0"?>\n<!-- a logo -->\n' + _SVG, "is SVG"),
    "PSD": (b"8BPS\0\1" + bytes(60), r"the file is PSD \(Photoshop\), which is not read"),
    "JPEG XL": (b"\xff\x0a" + bytes(60), "the file is JPEG XL, which is not read"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", r"the file is EPS \(PostScript\), which is not read"),
    "PDF": (b"%PDF-1.7\n", "the file is PDF, not a picture"),
    "web page": (b"<!DOCTYPE html><html><body>404</body></html>", "is a web page, not a picture"),
    "web page in capitals": (b"\n <HTML><HEAD>", "the file is a web page, not a picture"),
    "web page with a mark": (b"\xef\xbb\xbf<!doctype HTML>", "is a web page, not a picture"),
    "XML": (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "is an XML file"),
    "JSON": (b'{"error": "not found"}', "the file is a JSON file, such as an error message"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid", r"Git LFS \(run git lfs pull"),
    "zip": (zipped(), "the file is a ZIP archive, not a picture"),
    "gzip": (gzip.compress(b"x" * 99), "the file is a gzip file, not a picture"),
    "text": ("Das ist nur ein Satz, schön.\n".encode() * 3, "the file is a text, not a picture"),
    "zeros": (bytes(4096), "the file is nothing but zero bytes, not a picture"),
    "sound": (SOUND, r"the file is WAV \(a sound\), not a picture"),
    "MP4": (ftyp(b"isom"), r"the file is MP4 \(AAC or video\), not a picture"),
    "macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(80), "describes another"),
    "nothing known": (bytes(range(1, 200)), "^not a picture that can be decoded$"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_named(name: str):
    data, reason = NO_PICTURES[name]
    with pytest.raises(BrokenValue, match=reason):
        Image().check_bytes(data)


NO_SOUNDS: dict[str, tuple[bytes, str]] = {
    "MIDI": (b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(60), "is MIDI, which is not read; WAV, MP3"),
    "picture": (PICTURE, r"the file is PNG \(a picture\), not a sound"),
    "HEIC": (ftyp(b"heic"), r"the file is HEIC \(a picture\), not a sound"),
    "web page": (b"<html><body>404</body></html>", "the file is a web page, not a sound"),
    "JSON": (b'[{"error": 404}]', "the file is a JSON file, such as an error message"),
    "text": (b"this is only text, whatever its name", "the file is a text, not a sound"),
}


@pytest.mark.parametrize("name", NO_SOUNDS)
def test_what_is_no_sound_is_named(name: str):
    data, reason = NO_SOUNDS[name]
    with pytest.raises(BrokenValue, match=reason):
        Audio().check_bytes(data)


def test_what_is_read_is_known():
    for file_format in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        found = kind_of(picture_bytes(file_format=file_format))
        assert found is not None and found.name.upper() == file_format
    for file_format in ("WAV", "FLAC", "OGG", "AIFF", "AU", "CAF", "W64"):
        found = kind_of(sound_bytes(file_format))
        assert found is not None and found.name.upper() == file_format and not found.by_ffmpeg


def test_without_pyav_it_is_said_what_reads_the_file(monkeypatch: pytest.MonkeyPatch):
    def missing() -> None:
        raise ConfigError("videos need PyAV")

    monkeypatch.setattr(sound_by_ffmpeg, "import_av", missing)
    reason = r"is AAC in MP4; WAV, MP3, FLAC and Ogg are read, and with PyAV \(pip install 'tfmmrec"
    with pytest.raises(BrokenValue, match=reason):
        Audio().check_bytes(ftyp(b"M4A "))
