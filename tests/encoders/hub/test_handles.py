"""Handles: folders, archives and URLs, and refusal of everything else."""

import io
import sys
import tarfile
import types
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_hub as hub

from tests.encoders.hub.modules import encoded, text_module
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.errors import ConfigError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(archive: Path, folder: Path, name: str = ".") -> str:
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, arcname=name)
    return str(archive)


def refusal(handle: str) -> str:
    with pytest.raises(ConfigError) as caught:
        HubEncoder("text", handle)
    message = str(caught.value)
    assert message.startswith(f"encoder {handle}: ") and "\n" not in message
    return message


@pytest.mark.parametrize("name", [".", "text"])
def test_an_archive_is_unpacked_once(tmp_path: Path, cache: Path, name: str) -> None:
    folder = text_module(tmp_path / "text")
    handle = packed(tmp_path / "text.tar.gz", tmp_path / "text", name)
    encoder = HubEncoder("text", handle)
    assert encoded(encoder, "abc") == [[3.0, 6.0]]
    assert encoder.fingerprint == HubEncoder("text", folder).fingerprint
    (unpacked,) = cache.iterdir()
    before = unpacked.stat().st_mtime_ns
    # Equal bytes of another name are the same module.
    (tmp_path / "text.tar.gz").rename(tmp_path / "other.tgz")
    assert resolve(str(tmp_path / "other.tgz")).is_relative_to(unpacked)
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [before]


def test_an_unpacked_archive_that_was_cleaned_is_unpacked_anew(tmp_path: Path, cache: Path) -> None:
    text_module(tmp_path / "text")
    handle = packed(tmp_path / "text.tar.gz", tmp_path / "text")
    folder = resolve(handle)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = {path: path.read_bytes() for path in files}
    assert len(whole) > 2
    for lost in [[each] for each in whole] + [list(whole)]:
        for path in lost:
            path.unlink()
        assert resolve(handle) == folder
        assert {path: path.read_bytes() for path in files} == whole
    # A part of a file, as an interrupted copy leaves it.
    files[0].write_bytes(whole[files[0]][:-1])
    resolve(handle)
    assert files[0].read_bytes() == whole[files[0]]
    assert len(list(cache.iterdir())) == 1


def test_a_downloaded_module_that_was_cleaned_is_downloaded_anew(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def download(handle: str) -> str:
        calls.append(handle)
        folder = cache / "abc"
        if not folder.exists():  # as tensorflow_hub does
            text_module(folder)
        return str(folder)

    monkeypatch.setattr(hub, "resolve", download)
    resolve("https://example.com/text/1")
    assert len(calls) == 1
    for lost in ("saved_model.pb", "variables/variables.index"):
        (cache / "abc" / lost).unlink()
        assert resolve("https://example.com/text/1") == cache / "abc"
        assert (cache / "abc" / lost).is_file()
    next((cache / "abc" / "variables").glob("variables.data*")).unlink()
    resolve("https://example.com/text/1")
    assert list((cache / "abc" / "variables").glob("variables.data*"))


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "a/../../outside.txt"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(
    tmp_path: Path, cache: Path, name: str
) -> None:
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as file:
        file.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert "lies outside of its folder" in refusal(str(tmp_path / "bad.tar.gz"))
    assert list(cache.iterdir()) == [] and not (tmp_path / "outside.txt").exists()


def test_links_in_an_archive_are_refused(tmp_path: Path, cache: Path) -> None:
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as file:
        link = tarfile.TarInfo("saved_model.pb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        file.addfile(link)
    assert "'saved_model.pb' is neither a file" in refusal(str(tmp_path / "bad.tar.gz"))
    assert list(cache.iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.tar.gz").write_text("these are only words")
    assert "is not a valid .tar.gz" in refusal(str(tmp_path / "words.tar.gz"))
    text_module(tmp_path / "text")
    packed(tmp_path / "text.tar.gz", tmp_path / "text")
    whole = (tmp_path / "text.tar.gz").read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "is not a valid .tar.gz" in refusal(str(tmp_path / "half.tar.gz"))


@pytest.mark.parametrize(
    "address", ["https://tfhub.dev/google/words/1", "https://www.kaggle.com/models/google/words"]
)
def test_addresses_are_resolved_by_tensorflow_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    folder = text_module(tmp_path / "text")
    monkeypatch.setattr(hub, "resolve", {address: folder}.__getitem__)
    encoder = HubEncoder("text", address)
    assert encoded(encoder, "abc") == [[3.0, 6.0]]
    assert encoder.describe()["handle"] == address


def test_an_address_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: str) -> str:
        raise OSError("no\nnetwork")

    monkeypatch.setattr(hub, "resolve", fail)
    assert "cannot be downloaded: no network" in refusal("https://tfhub.dev/google/words/1")


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"this is no model")
    assert "no such folder" in refusal(str(tmp_path / "none"))
    assert "has no saved_model.pb" in refusal(str(tmp_path / "empty"))
    assert "cannot be loaded" in refusal(str(tmp_path / "broken"))
    text_module(tmp_path / "cut")
    (tmp_path / "cut" / "variables" / "variables.index").unlink()
    assert "cannot be loaded" in refusal(str(tmp_path / "cut"))


@pytest.mark.parametrize("tags", [[], ["serve"]])
def test_the_tf1_format_is_refused_with_what_to_do(tmp_path: Path, tags: list[str]) -> None:
    """As hub.Module saved it, without tags and with tfhub_module.pb; and as TF1 saved others."""
    v1 = tf.compat.v1
    folder = tmp_path / "tf1"
    with tf.Graph().as_default(), v1.Session() as session:
        texts = v1.placeholder(tf.string, [None])
        weights = v1.get_variable("weights", [1, 2], use_resource=True)
        length = tf.cast(tf.strings.length(texts), tf.float32)[:, tf.newaxis]
        vectors = tf.matmul(length, weights)
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"text": texts}, {"default": vectors})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, tags, {"default": signature})
        builder.save()
    if not tags:
        (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    message = refusal(str(folder))
    assert "has the TF1 format (hub.Module)" in message and "TF2 SavedModel" in message


def test_ops_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = text_module(tmp_path / "text")
    path = tmp_path / "text" / "saved_model.pb"
    path.write_bytes(path.read_bytes().replace(b"StringLength", b"StringLengtX"))
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    message = refusal(handle)
    assert "needs the op StringLengtX" in message and "pip install 'tfmmrec[text]'" in message
    monkeypatch.setitem(sys.modules, "tensorflow_text", types.ModuleType("tensorflow_text"))
    assert "cannot be loaded" in refusal(handle) and "StringLengtX" in refusal(handle)
