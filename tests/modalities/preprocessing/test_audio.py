"""Tests of audio steps with tones, silences and channels of known outcome."""

import io
import sys
from typing import Any

import numpy as np
import pytest
import soundfile

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities import Audio, create
from tfmmrec.modalities.preprocessing import audio, create_step
from tfmmrec.testing import test_assets

RATE = 16_000
STEPS = ["mono", "resample", "loudness", "trim", "limit", "phonemes"]
PACKAGES = {"loudness": "pyloudnorm", "phonemes": "pocketsphinx"}


def tone(seconds: float, hz: float = 440.0, peak: float = 0.5, rate: int = RATE) -> np.ndarray:
    return peak * np.cos(2.0 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def saved(samples: np.ndarray, rate: int = RATE, file_format: str = "WAV", **more: Any) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=file_format, **more)
    return out.getvalue()


def run(value: bytes, step: str, **options: Any) -> bytes:
    if step in PACKAGES:
        pytest.importorskip(PACKAGES[step])
    return create_step({"step": step, **options}, "audio").run(value)[0]


def opened(value: bytes) -> tuple[np.ndarray, int]:
    # What a step gives is what is stored: a sound that the modality takes, of 16 bits.
    assert Audio().check_bytes(value) == value
    assert soundfile.info(io.BytesIO(value)).subtype == "PCM_16"
    return soundfile.read(io.BytesIO(value))


def phonemes(value: bytes) -> list[str]:
    pytest.importorskip("pocketsphinx")
    same, derived = create_step("phonemes", "audio").run(value)
    assert same == value
    return derived["phonemes"][0].decode().split() if derived else []


def test_mono_is_the_mean_of_the_channels():
    # 0.5 and -0.25 are -> 0.125 everywhere.
    stereo = np.tile([0.5, -0.25], [100, 1])
    samples, rate = opened(run(saved(stereo), "mono"))
    assert (samples.shape, rate) == ((100,), RATE)
    np.testing.assert_allclose(samples, 0.125, atol=2**-15)


def test_what_needs_no_change_keeps_its_bytes():
    for file_format in ("WAV", "FLAC", "OGG", "MP3"):
        value = saved(tone(1.0), file_format=file_format)
        assert run(value, "mono") == value
        assert run(value, "resample", rate=RATE) == value
        # Seconds of padding, as MP3 has, still end before that.
        assert run(value, "limit", seconds=2) == value
    value = saved(tone(1.0))
    assert run(value, "trim") == value
    once = run(value, "loudness")
    assert once != value and run(once, "loudness") == once


def test_a_resampled_tone_keeps_its_frequency_and_its_channels():
    # One channel of 440 Hz, one of 1000 Hz; of one second, a spectrum's bin is 1 Hz wide.
    stereo = np.stack([tone(1.0, 440.0, rate=44_100), tone(1.0, 1000.0, rate=44_100)], axis=1)
    samples, rate = opened(run(saved(stereo, 44_100), "resample", rate=RATE))
    assert (samples.shape, rate) == ((RATE, 2), RATE)
    spectrum = np.abs(np.fft.rfft(samples, axis=0))
    assert spectrum.argmax(axis=0).tolist() == [440, 1000]
    np.testing.assert_allclose(np.abs(samples[2000:-2000]).max(axis=0), 0.5, atol=0.01)


@pytest.mark.parametrize("peak", [0.01, 0.9])
def test_loudness_is_reached_from_below_and_above(peak: float):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    stereo = np.stack([tone(2.0, 997.0, peak), tone(2.0, 997.0, peak)], axis=1)
    samples, _ = opened(run(saved(stereo), "loudness", target=-23.0))
    assert pyloudnorm.Meter(RATE).integrated_loudness(samples) == pytest.approx(-23.0, abs=0.5)
    # BS.1770: a tone of 997 Hz at full scale in one channel is -3.01 LUFS, in both 3.01 more;
    # -23 therefore is a peak of 10 ** (-23 / 20) = 0.0708.
    assert np.abs(samples).max() == pytest.approx(0.0708, rel=0.05)


def test_loudness_never_clips():
    # A click of full scale on a quiet tone leaves no room.
    samples = tone(2.0, peak=0.01)
    samples[100] = 0.5
    louder, _ = opened(run(saved(samples), "loudness", target=-5.0))
    assert np.abs(louder).max() == pytest.approx(1.0, abs=1e-3)
    # By the factor of two that is left, and no sample is cut off.
    np.testing.assert_allclose(louder, 2.0 * samples, atol=1e-3)


def test_silence_and_short_sounds_keep_their_loudness():
    for samples in (np.zeros(RATE), tone(0.39), np.zeros([RATE, 2])):
        assert run(saved(samples), "loudness") == saved(samples)
    # Six channels are measured by their mean, and stay six.
    six = np.stack([tone(1.0)] * 6, axis=1)
    assert opened(run(saved(six), "loudness"))[0].shape == (RATE, 6)


def test_trim_cuts_both_silences():
    # 0.25 s of silence, 0.5 s of a constant, 0.75 s that is 46 dB below it (20 log10 0.005).
    samples = np.concatenate([np.zeros(4000), np.full(8000, 0.5), np.full(12_000, 0.0025)])
    trimmed, _ = opened(run(saved(samples), "trim"))
    assert len(trimmed) == 8000
    # At -50 dB it is no silence; and at -1 dB the loudest samples are none either.
    assert len(opened(run(saved(samples), "trim", threshold_db=-50))[0]) == 20_000
    assert len(opened(run(saved(samples), "trim", threshold_db=-1))[0]) == 8000
    # The channel that sounds decides.
    stereo = np.stack([samples, np.zeros(24_000)], axis=1)
    assert opened(run(saved(stereo), "trim"))[0].shape == (8000, 2)


def test_nothing_is_left_of_silence(tmp_path):
    (tmp_path / "silence.wav").write_bytes(saved(np.zeros(RATE)))
    (tmp_path / "tone.wav").write_bytes(saved(np.concatenate([np.zeros(RATE), tone(0.5)])))
    modality = create({"modality": "audio", "steps": ["trim", {"step": "limit", "seconds": 0.1}]})
    assert modality.pack("silence.wav", tmp_path) == {}
    [value] = modality.pack("tone.wav", tmp_path)[""]
    assert len(opened(value)[0]) == 1600


def test_limit_keeps_the_first_seconds():
    samples, rate = opened(run(saved(np.linspace(0.0, 0.5, 3 * RATE)), "limit", seconds=1.5))
    assert (len(samples), rate) == (24_000, RATE)
    assert (samples[0], samples[-1]) == pytest.approx((0.0, 0.25), abs=1e-4)


def test_steps_that_change_nothing_decode_once(monkeypatch):
    value = saved(tone(0.9, hz=523.0))
    decode = []

    def read(data: bytes) -> tuple[np.ndarray, int]:
        decode.append(data)
        return tone(0.9)[:, None].astype(np.float32), RATE

    monkeypatch.setattr(audio, "read_channels", read)
    audio.decoded.cache_clear()
    for step in ("mono", "resample", "limit", "trim"):
        assert run(value, step) == value
    assert decode == [value]
    audio.decoded.cache_clear()


def test_silence_and_noise_have_no_phonemes():
    noise = np.random.default_rng(0).normal(0.0, 0.05, 2 * RATE)
    for samples in (np.zeros(RATE), np.zeros(3), np.zeros([RATE, 2]), noise):
        assert phonemes(saved(samples)) == []


def test_phonemes_of_speech():
    folder = test_assets("data/stamps/voices")
    crow, frog = (next(folder.rglob(f"*{name}*")).read_bytes() for name in ("birds.crow", "frog"))
    heard = phonemes(crow)
    # "Crow", K R OW: what is sung out is heard, whatever the recording makes of the rest.
    assert "OW" in heard
    assert all(phone.isalpha() and phone.isupper() for phone in heard) and "SIL" not in heard
    # One sound does not change what is heard of the next.
    other = phonemes(frog)
    assert phonemes(crow) == heard and phonemes(frog) == other != heard
    modality = create({"modality": "audio", "steps": ["phonemes"]})
    assert modality.derived()["phonemes"].options() == {"modality": "text"}


@pytest.mark.parametrize("step", STEPS)
def test_a_broken_sound_is_refused(step: str):
    whole = saved(tone(1.0))
    for broken in (b"", b"no sound", whole[: len(whole) // 2]):
        with pytest.raises(BrokenValue, match="sound"):
            run(broken, step)


def test_options_are_checked():
    for declared, reason in (
        ({"step": "resample", "rate": 10}, "from 1000 to 384000"),
        ({"step": "loudness", "target": 1.0}, "above -70, at most 0"),
        ({"step": "trim", "threshold_db": 40}, "above -120, at most -1"),
        ({"step": "limit", "seconds": 0}, "above 0"),
        ({"step": "limit", "seconds": float("nan")}, "above 0"),
    ):
        with pytest.raises(ConfigError, match=reason):
            create_step(declared, "audio")


@pytest.mark.parametrize(("step", "module"), PACKAGES.items())
def test_what_is_missing_is_named(step: str, module: str, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"pip install 'tfmmrec\[preprocessing\]'") as caught:
        create_step(step, "audio").run(saved(tone(1.0)))
    assert module in str(caught.value) and "\n" not in str(caught.value)
